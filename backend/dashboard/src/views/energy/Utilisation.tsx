// When connectors are in use: each hour of the local week over the range.

import { type HeatHour, HeatMap } from "../../charts/HeatMap";
import { busiestOf, hourText, WEEKDAYS } from "../../charts/heat";
import { energy, number, share } from "../../format/number";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import type { Chosen } from "./choice";
import { LONGEST_UTILISATION_DAYS, type UtilisationAnswer, useUtilisation } from "./queries";

export function Utilisation({ chosen }: { chosen: Chosen }) {
  const answer = useUtilisation(chosen);
  const hours = chosen.isOfManySites ? "hours of each site's own day" : `hours in ${chosen.zone}`;
  const note =
    chosen.range.day_count > LONGEST_UTILISATION_DAYS
      ? `${hours}, the last ${number(LONGEST_UTILISATION_DAYS)} days of the range`
      : hours;
  return (
    <Card title="Utilisation by hour of the week" aside={note}>
      {answer.isPending ? (
        <Loading label="Loading the utilisation" rows={7} />
      ) : answer.data === undefined ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : (
        <Week answer={answer.data} />
      )}
    </Card>
  );
}

function Week({ answer }: { answer: UtilisationAnswer }) {
  const hours = answer.items.map(
    (row): HeatHour => ({
      weekday: row.weekday,
      hour: row.hour,
      share: row.utilisation,
      note: energy(Math.round(row.energy_wh)),
    }),
  );
  const found = busiestOf(hours);
  if (found === null) return <Empty title="No hour of these days is over yet" />;
  const { busiest, unused_count } = found;
  const most = `Charging takes most of the connectors' time on ${nameOf(busiest)}: ${share(busiest.share, 1)}.`;
  const said =
    unused_count === 0 ? most : `${most} In ${number(unused_count)} of the 168 hours nobody ever charges.`;
  return (
    <HeatMap
      title="Utilisation by hour of the week"
      hours={hours}
      summary={`Utilisation by hour of the week. ${said}`}
      resting={said}
    />
  );
}

function nameOf(hour: HeatHour): string {
  return `${WEEKDAYS[hour.weekday - 1]?.name} ${hourText(hour.hour)}`;
}
