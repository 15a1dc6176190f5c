// A table of sessions: everybody's for operators, the own ones for a driver.
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { CursorPages } from "../../api/queries";
import type { Session } from "../../api/types";
import { zoneName } from "../../format/time";
import { useMay } from "../../services";
import { Clamped } from "../../ui/Clamped";
import { type Column, PagedTable } from "../../ui/Table";
import { usePlaceOf } from "../status/useStations";
import { Live } from "./Live";
import { CostCell, DriverCell, Duration, PowerCell, StartedCell, StateCell } from "./SessionCells";
import styles from "./Sessions.module.css";
import { EnergyCell } from "./SourceBar";

interface Props {
  caption: string;
  pages: CursorPages<Session>;
  empty: ReactNode;
  sort?: string;
  onSort?: (sort: string) => void;
  /** The reader's own: whose they are need not be said. */
  isOwn?: boolean;
  more?: Column<Session>;
}

export function SessionTable({ isOwn = false, more, ...table }: Props) {
  const may = useMay();
  const placeOf = usePlaceOf();
  const zones = new Set(table.pages.items.map((session) => placeOf(session.site_id).zone));
  const [zone] = zones;
  const headZone = zones.size === 1 && zone !== undefined ? ` (${zoneName(zone)})` : "";
  const columns: Column<Session>[] = [
    {
      title: `Started${headZone}`,
      sort: "started_at",
      cell: (session) => (
        <StartedCell session={session} zone={placeOf(session.site_id).zone} withZone={zones.size > 1} />
      ),
    },
    {
      title: "Station",
      isWideOnly: true,
      cell: (session) => (
        <>
          {may("evse:read") ? (
            <Link href={`/stations/${encodeURIComponent(session.evse_uid)}`}>{session.evse_uid}</Link>
          ) : (
            session.evse_uid
          )}
          <span className={styles["second"]}>
            <Clamped>{placeOf(session.site_id).name}</Clamped>
            {session.connector_id > 1 && `connector ${session.connector_id}`}
          </span>
        </>
      ),
    },
    {
      title: "Duration",
      isNumber: true,
      isWideOnly: true,
      cell: (session) => <Duration session={session} />,
    },
    {
      title: "Energy",
      isNumber: true,
      cell: (session) => <Live session={session}>{(now) => <EnergyCell of={now} />}</Live>,
    },
    {
      title: "Peak power",
      isNumber: true,
      isWideOnly: true,
      cell: (session) => <Live session={session}>{(now) => <PowerCell session={now} />}</Live>,
    },
    {
      title: <span className={styles["wrapping"]}>Cost without VAT</span>,
      isNumber: true,
      cell: (session) => <Live session={session}>{(now) => <CostCell session={now} />}</Live>,
    },
  ];
  if (!isOwn)
    columns.push({
      title: "Driver",
      isWideOnly: true,
      cell: (session) => <DriverCell session={session} />,
    });
  columns.push({
    title: "State",
    isWideOnly: true,
    cell: (session) => <StateCell session={session} withFlags={!isOwn} />,
  });
  if (more !== undefined) columns.push(more);
  return <PagedTable {...table} columns={columns} keyOf={(session) => session.id} />;
}
