// Energy and money: what flowed, from where, and what it brought, by day, week or month.
import { useSites } from "../../api/queries";
import { dayTime, zoneName } from "../../format/time";
import type { ViewProps } from "../../routes";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { Card, Columns, Page } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { ZoneNote } from "../../ui/Time";
import { Breakdown } from "./Breakdown";
import { type Chosen, useChosen } from "./choice";
import { periodsCsv, saveCsv } from "./csv";
import styles from "./EnergyAndMoney.module.css";
import { EnergyChart } from "./EnergyChart";
import { MoneyCharts } from "./MoneyCharts";
import { PeakChart } from "./PeakChart";
import { type StatsAnswer, usePeriods } from "./queries";
import { RangeBar } from "./RangeBar";
import { RangeFigures } from "./RangeFigures";
import { endsToday } from "./range";
import { type Totals, totalsOf } from "./totals";
import { Utilisation } from "./Utilisation";

export default function EnergyAndMoney(_: ViewProps) {
  const sites = useSites();
  const chosen = useChosen();
  const aside = (
    <span className={styles["aside"]}>
      {chosen.isOfManySites ? "days in each site's own time" : <ZoneNote zone={chosen.zone} />}
    </span>
  );
  return (
    <Page title="Energy & money" aside={aside}>
      <RangeBar chosen={chosen} />
      {/* What "today" is depends on the site's zone: nothing is asked before it is known. */}
      {sites.isPending ? (
        <WhileLoading />
      ) : chosen.isSiteUnknown ? (
        <NoSuchSite chosen={chosen} />
      ) : (
        <Figures chosen={chosen} />
      )}
    </Page>
  );
}

function Figures({ chosen }: { chosen: Chosen }) {
  const periods = usePeriods(chosen);
  if (periods.isPending) return <WhileLoading />;
  if (periods.data === undefined) {
    return (
      <Card>
        <Failure error={periods.error} onRetry={() => void periods.refetch()} />
      </Card>
    );
  }
  const totals = totalsOf(periods.data.items, chosen.now);
  return (
    <div className={styles["figures"]} aria-busy={periods.isPlaceholderData}>
      {periods.error !== null && <Failure error={periods.error} onRetry={() => void periods.refetch()} />}
      <RangeFigures chosen={chosen} totals={totals} />
      {isQuiet(periods.data) ? (
        <Nothing chosen={chosen} />
      ) : (
        <Charts chosen={chosen} answer={periods.data} totals={totals} />
      )}
    </div>
  );
}

function Charts({ chosen, answer, totals }: { chosen: Chosen; answer: StatsAnswer; totals: Totals }) {
  const { range } = chosen;
  const charts = { answer, totals, openDay: chosen.openDay };
  const save = () =>
    saveCsv(`energy-by-${range.period}-${range.date_from}-to-${range.date_to}.csv`, periodsCsv(answer.items));
  return (
    <>
      <Card
        title="Energy by source"
        aside={<CompleteUntil chosen={chosen} answer={answer} />}
        actions={
          <Button isSmall onClick={save}>
            <Icon name="download" /> Figures as CSV
          </Button>
        }
      >
        <EnergyChart {...charts} />
      </Card>
      <Columns min={26}>
        <MoneyCharts {...charts} chosen={chosen} />
        <Card title="Peak power" aside="highest quarter of an hour, all connectors together">
          <PeakChart {...charts} />
        </Card>
      </Columns>
      <Breakdown chosen={chosen} />
      <Utilisation chosen={chosen} />
    </>
  );
}

/** Later energy is not in the figures yet. */
function CompleteUntil({ chosen, answer }: { chosen: Chosen; answer: StatsAnswer }) {
  if (!endsToday(chosen.range, chosen.today)) return null;
  const { complete_until } = answer;
  return (
    <time dateTime={complete_until}>
      figures to {dayTime(complete_until, chosen.zone)} {zoneName(chosen.zone, complete_until)}
    </time>
  );
}

function NoSuchSite({ chosen: { siteId, change } }: { chosen: Chosen }) {
  return (
    <Card>
      <Empty title={`There is no site ${siteId}`}>
        <p>It may have been deleted since the link was made.</p>
        <Button isSmall onClick={() => change({ site: null, station: null })}>
          Show all sites
        </Button>
      </Empty>
    </Card>
  );
}

function Nothing({ chosen }: { chosen: Chosen }) {
  return (
    <Card>
      <Empty title="No energy and no sessions in these days">
        {chosen.siteId === null && chosen.evseUid === null ? (
          <p>Choose other days, or a longer range.</p>
        ) : (
          <p>Choose other days, or another site or station.</p>
        )}
      </Empty>
    </Card>
  );
}

function WhileLoading() {
  return (
    <Card>
      <Loading label="Loading the figures" rows={12} />
    </Card>
  );
}

function isQuiet(answer: StatsAnswer): boolean {
  return answer.items.every((row) => row.energy_wh === 0 && row.session_count === 0);
}
