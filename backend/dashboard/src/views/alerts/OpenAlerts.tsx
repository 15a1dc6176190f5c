// What is open or acknowledged, live: critical ones first, then the oldest.
import { useMemo, useState } from "react";
import { number } from "../../format/number";
import { ago } from "../../format/time";
import { useIsLive, useLiveAlerts, useNowMs } from "../../live/hooks";
import { useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { type Column, Table } from "../../ui/Table";
import { ZoneNote } from "../../ui/Time";
import styles from "./Alerts.module.css";
import { AllQuiet } from "./AllQuiet";
import { TakenCell, WhatCell, When, WhereCell } from "./cells";
import type { Deed } from "./doneText";
import { NoteDialog } from "./NoteDialog";
import { type Places, usePlaces } from "./places";
import { useUnresolved } from "./queries";
import { SelectAll, type Selected, SelectedBar, SelectOne, useSelected } from "./select";
import { type AlertFilter, fits, type UnresolvedAlert, unresolvedAlerts } from "./unresolved";

/** More than anybody reads; a fleet that has lost its network must not freeze the page. */
const FIRST_COUNT = 200;

interface Asked {
  deed: Deed;
  alerts: readonly UnresolvedAlert[];
}

export function OpenAlerts({ filter }: { filter: AlertFilter }) {
  const isLive = useIsLive();
  const live = useLiveAlerts();
  const known = useUnresolved();
  const data = known.data;
  const alerts = useMemo(
    () => unresolvedAlerts(isLive ? live.values() : null, data ?? new Map()),
    [isLive, live, data],
  );
  if (alerts.length === 0 && known.isPending) {
    return (
      <Card>
        <Loading label="Loading the alerts" rows={6} />
      </Card>
    );
  }
  if (alerts.length === 0 && data === undefined) {
    return (
      <Card>
        <Failure error={known.error} onRetry={() => void known.refetch()} />
      </Card>
    );
  }
  return (
    <>
      <OpenList alerts={alerts} filter={filter} />
      {known.error !== null && alerts.length > 0 && (
        <Card title="Who acknowledged, notes and counts did not come">
          <Failure error={known.error} onRetry={() => void known.refetch()} />
        </Card>
      )}
    </>
  );
}

function OpenList({ alerts, filter }: { alerts: readonly UnresolvedAlert[]; filter: AlertFilter }) {
  const mayWrite = useMay()("alert:write");
  const places = usePlaces();
  const shown = alerts.filter((alert) => fits(alert, filter));
  const selected = useSelected(shown);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [isWhole, setWhole] = useState(false);
  const ask = (deed: Deed, of: readonly UnresolvedAlert[]) => setAsked({ deed, alerts: of });
  const rows = isWhole ? shown : shown.slice(0, FIRST_COUNT);
  const columns = useColumns(mayWrite, rows, selected, places, ask);
  if (alerts.length === 0) return <AllQuiet />;
  return (
    <Card
      title={headOf(alerts)}
      isFlush
      aside={places.commonZone === null ? "times in each site's zone" : <ZoneNote zone={places.commonZone} />}
    >
      {mayWrite && <SelectedBar alerts={selected.alerts} onAsk={ask} />}
      <div className={styles["table"]}>
        <Table
          caption="Open and acknowledged alerts"
          columns={columns}
          rows={rows}
          keyOf={(alert) => alert.id}
          isRowMarked={(alert) => alert.severity === "critical" && alert.status === "open"}
          empty={
            <Empty title="No alert fits the filters">
              <p>Choose others, or clear them, to see all {number(alerts.length)}.</p>
            </Empty>
          }
        />
      </div>
      {rows.length < shown.length && (
        <div className={styles["more"]}>
          <Button onClick={() => setWhole(true)}>Show all {number(shown.length)}</Button>
        </div>
      )}
      {asked !== null && (
        <NoteDialog
          deed={asked.deed}
          alerts={asked.alerts}
          onDone={(alert) => selected.set(alert.id, false)}
          onClose={() => setAsked(null)}
        />
      )}
    </Card>
  );
}

function headOf(alerts: readonly UnresolvedAlert[]): string {
  const open = alerts.filter((alert) => alert.status === "open").length;
  const taken = alerts.length - open;
  return taken === 0 ? `${number(open)} open` : `${number(open)} open, ${number(taken)} acknowledged`;
}

function useColumns(
  mayWrite: boolean,
  rows: readonly UnresolvedAlert[],
  selected: Selected,
  places: Places,
  ask: (deed: Deed, alerts: readonly UnresolvedAlert[]) => void,
): Column<UnresolvedAlert>[] {
  const nowMs = useNowMs(1000);
  const columns: Column<UnresolvedAlert>[] = [
    {
      title: "Alert",
      cell: (alert) => (
        <>
          <WhatCell alert={alert} />
          <span className={styles["narrowOnly"]}>{ago(alert.opened_at, nowMs)}</span>
        </>
      ),
    },
    { title: "Station", cell: (alert) => <WhereCell alert={alert} places={places} /> },
    {
      title: "Since",
      cell: (alert) => (
        <div className={styles["since"]}>
          <b className="tabular">{ago(alert.opened_at, nowMs)}</b>
          <span className={styles["remark"]}>
            <When at={alert.opened_at} siteId={alert.site_id} places={places} />
          </span>
        </div>
      ),
      isWideOnly: true,
    },
    {
      title: "Acknowledged by",
      cell: (alert) => <TakenCell alert={alert} places={places} />,
      isWideOnly: true,
    },
  ];
  if (!mayWrite) return columns;
  return [
    {
      title: <SelectAll rows={rows} selected={selected} />,
      cell: (alert) => <SelectOne alert={alert} selected={selected} />,
    },
    ...columns,
    {
      title: <span className="visually-hidden">What to do</span>,
      cell: (alert) => (
        <div className={styles["deeds"]}>
          {alert.status === "open" && (
            <Button
              isSmall
              onClick={() => ask("acknowledge", [alert])}
              aria-label={`Acknowledge ${nameOf(alert)}`}
            >
              Acknowledge
            </Button>
          )}
          <Button isSmall onClick={() => ask("resolve", [alert])} aria-label={`Resolve ${nameOf(alert)}`}>
            Resolve
          </Button>
        </div>
      ),
      isWideOnly: true,
    },
  ];
}

function nameOf(alert: UnresolvedAlert): string {
  return `${alert.evse_uid}, alert ${alert.id}`;
}
