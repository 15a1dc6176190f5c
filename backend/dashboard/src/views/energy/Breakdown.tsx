// Who brought how much: sites or stations, most energy first.
import { useState } from "react";
import { Link } from "wouter";
import { useEvses, useSiteOf, useSites } from "../../api/queries";
import type { Money } from "../../api/types";
import { moneys } from "../../format/money";
import { number, power, share } from "../../format/number";
import { useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Clamped } from "../../ui/Clamped";
import { Icon } from "../../ui/Icon";
import { Card } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import { type Column, Table } from "../../ui/Table";
import { Choice } from "../../ui/Tabs";
import type { Chosen } from "./choice";
import { groupsCsv, saveCsv } from "./csv";
import styles from "./EnergyAndMoney.module.css";
import { Proportion } from "./Proportion";
import { useGroups } from "./queries";
import { byGroup, type Group } from "./totals";

const FIRST_COUNT = 25;

export function Breakdown({ chosen }: { chosen: Chosen }) {
  const { data: sites = [] } = useSites();
  const isOfOneSite = chosen.siteId !== null || sites.length <= 1;
  const wanted = chosen.search.get("by");
  const by = isOfOneSite || wanted === "station" ? "evse" : "site";
  const answer = useGroups(chosen, by);
  const groups =
    answer.data === undefined
      ? []
      : byGroup(answer.data.items, (row) => (by === "site" ? row.site_id : row.evse_uid), chosen.now);
  const { date_from, date_to } = chosen.range;
  const save = () => saveCsv(`energy-by-${by}-${date_from}-to-${date_to}.csv`, groupsCsv(by, groups));
  return (
    <Card
      title={by === "site" ? "By site" : "By station"}
      isFlush
      actions={
        <>
          {!isOfOneSite && (
            <Choice
              label="Table by"
              choices={[
                ["site", "Sites"],
                ["station", "Stations"],
              ]}
              value={by === "site" ? "site" : "station"}
              onChange={(value) => chosen.change({ by: value === "site" ? null : value })}
            />
          )}
          <Button isSmall onClick={save} disabled={groups.length === 0}>
            <Icon name="download" /> Table as CSV
          </Button>
        </>
      }
    >
      {answer.isPending ? (
        <div className={styles["padded"]}>
          <Loading label="Loading the table" rows={6} />
        </div>
      ) : answer.data === undefined ? (
        <Failure error={answer.error} onRetry={() => void answer.refetch()} />
      ) : (
        <Groups by={by} groups={groups} search={chosen.search} />
      )}
    </Card>
  );
}

function Groups({
  by,
  groups,
  search,
}: {
  by: "site" | "evse";
  groups: readonly Group[];
  search: URLSearchParams;
}) {
  const [isWhole, setWhole] = useState(false);
  const total_wh = groups.reduce((sum, group) => sum + group.totals.energy_wh, 0);
  const most_wh = groups[0]?.totals.energy_wh ?? 0;
  const columns: Column<Group>[] = [
    {
      title: by === "site" ? "Site" : "Station",
      cell: (group) =>
        by === "site" ? <SiteLink group={group} search={search} /> : <StationLink group={group} />,
    },
    {
      title: "Energy",
      cell: ({ totals }) => <Proportion totals={totals} most_wh={most_wh} total_wh={total_wh} />,
    },
    { title: "Solar", cell: ({ totals }) => share(totals.solar_share), isNumber: true },
    { title: "Sessions", cell: ({ totals }) => number(totals.session_count), isNumber: true },
    { title: "Money", cell: ({ totals }) => <Sums of={totals.money} />, isNumber: true },
    {
      title: "Utilisation",
      cell: ({ totals }) => share(totals.utilisation, 1),
      isNumber: true,
      isWideOnly: true,
    },
    {
      title: "Peak quarter",
      cell: ({ totals }) => power(totals.peak_quarter_power_w),
      isNumber: true,
      isWideOnly: true,
    },
  ];
  return (
    <div className={styles["table"]}>
      <Table
        caption={by === "site" ? "Energy and money by site" : "Energy and money by station"}
        columns={columns}
        rows={isWhole ? groups : groups.slice(0, FIRST_COUNT)}
        keyOf={(group) => group.group}
      />
      {!isWhole && groups.length > FIRST_COUNT && (
        <div className={styles["more"]}>
          <Button onClick={() => setWhole(true)}>Show all {number(groups.length)}</Button>
        </div>
      )}
    </div>
  );
}

/** Below each other where there are several: the spaces within a sum do not break. */
function Sums({ of }: { of: readonly Money[] }) {
  return <span className={styles["sums"]}>{moneys(of)}</span>;
}

function SiteLink({ group, search }: { group: Group; search: URLSearchParams }) {
  const siteOf = useSiteOf();
  const next = new URLSearchParams(search);
  next.set("site", group.group);
  return (
    <Link href={`/energy?${next}`}>
      <Clamped>{siteOf(group.first.site_id)?.name ?? `Site ${group.first.site_id}`}</Clamped>
    </Link>
  );
}

function StationLink({ group }: { group: Group }) {
  const may = useMay();
  const { data: evses = [] } = useEvses();
  const uid = group.group;
  const text = evses.find((evse) => evse.evse_uid === uid)?.name ?? uid;
  return may("evse:read") ? <Link href={`/stations/${encodeURIComponent(uid)}`}>{text}</Link> : text;
}
