// Alerts of any status by when they began: what it was, how long it lasted, how it ended.
import type { Alert } from "../../api/types";
import { useNowMs } from "../../live/hooks";
import { Card } from "../../ui/Page";
import type { PickedRange } from "../../ui/RangeFilter";
import { Empty } from "../../ui/States";
import { Badge } from "../../ui/Status";
import { type Column, PagedTable } from "../../ui/Table";
import { ZoneNote, ZonesNote } from "../../ui/Time";
import styles from "./Alerts.module.css";
import { TakenCell, WhatCell, When, WhereCell } from "./cells";
import { lastedText } from "./lasted";
import { type Places, usePlaces } from "./places";
import { useHistory } from "./queries";
import type { AlertFilter } from "./unresolved";

export const USUAL_RANGE = "30d";

interface Props {
  filter: AlertFilter;
  range: PickedRange;
  /** The zone of the days that are asked for. */
  zone: string;
  /** All that is shown is told in it. */
  isOfOneZone: boolean;
}

export function AlertHistory({ filter, range, zone, isOfOneZone }: Props) {
  const places = usePlaces();
  const nowMs = useNowMs(30_000);
  const pages = useHistory(filter, range);
  const columns: Column<Alert>[] = [
    {
      title: "Alert",
      cell: (alert) => (
        <>
          <WhatCell alert={alert} />
          <span className={styles["narrowOnly"]}>
            <When at={alert.opened_at} siteId={alert.site_id} places={places} />, {lastedText(alert, nowMs)}
          </span>
        </>
      ),
    },
    { title: "Station", cell: (alert) => <WhereCell alert={alert} places={places} /> },
    {
      title: "Began, lasted",
      cell: (alert) => (
        <div className={styles["since"]}>
          <When at={alert.opened_at} siteId={alert.site_id} places={places} />
          <span className={styles["remark"]}>{lastedText(alert, nowMs)}</span>
        </div>
      ),
      isWideOnly: true,
    },
    {
      title: "Acknowledged by",
      cell: (alert) => <TakenCell alert={alert} places={places} />,
      isWideOnly: true,
    },
    {
      title: "Outcome",
      cell: (alert) => <Outcome alert={alert} places={places} />,
      isWideOnly: true,
    },
  ];
  return (
    <Card title="History" isFlush aside={isOfOneZone ? <ZoneNote zone={zone} /> : <ZonesNote days={zone} />}>
      <div className={styles["table"]}>
        <PagedTable
          caption="All alerts, newest first"
          columns={columns}
          pages={pages}
          keyOf={(alert) => alert.id}
          empty={
            <Empty title="No alerts here">
              <p>None began in these days with these filters.</p>
            </Empty>
          }
        />
      </div>
    </Card>
  );
}

function Outcome({ alert, places }: { alert: Alert; places: Places }) {
  if (alert.status !== "resolved" || alert.resolved_at === null)
    return <Badge tone="warn">{alert.status === "open" ? "Open" : "Acknowledged"}</Badge>;
  return (
    <div className={styles["taken"]}>
      <span>{alert.resolved_by === null ? "Over by itself" : `Resolved by ${alert.resolved_by}`}</span>
      <span className={styles["remark"]}>
        <When at={alert.resolved_at} siteId={alert.site_id} places={places} />
      </span>
    </div>
  );
}
