// The last sessions of a connector.
import { Link } from "wouter";
import type { CursorPages } from "../../api/queries";
import type { Session } from "../../api/types";
import { oneZoneName } from "../../format/time";
import { Card } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { type Column, PagedTable } from "../../ui/Table";
import { Time } from "../../ui/Time";
import { CostCell, DriverCell, Duration } from "../sessions/SessionCells";
import { EnergyCell } from "../sessions/SourceBar";
import type { StationNow } from "./useStation";

export function SessionsCard({ station, sessions }: { station: StationNow; sessions: CursorPages<Session> }) {
  const zoneShown = oneZoneName(
    station.zone,
    sessions.items.map((session) => session.started_at),
  );
  const columns: Column<Session>[] = [
    {
      title: zoneShown === null ? "Started" : `Started (${zoneShown})`,
      cell: (session) => (
        <Link href={`/sessions/${session.id}`}>
          <Time at={session.started_at} zone={station.zone} withZone={zoneShown === null} />
        </Link>
      ),
    },
    {
      title: "Duration",
      isNumber: true,
      isWideOnly: true,
      cell: (session) => <Duration session={session} />,
    },
    { title: "Energy", isNumber: true, cell: (session) => <EnergyCell of={session} /> },
    { title: "Cost", isNumber: true, cell: (session) => <CostCell session={session} /> },
    { title: "Driver", isWideOnly: true, cell: (session) => <DriverCell session={session} /> },
  ];
  return (
    <Card
      title="Last sessions"
      aside="costs are without VAT"
      isFlush
      actions={
        <Link href={`/sessions?evse_uid=${encodeURIComponent(station.evse_uid)}`}>
          All sessions of this station
        </Link>
      }
    >
      <PagedTable
        caption="Last sessions"
        columns={columns}
        pages={sessions}
        keyOf={(session) => session.id}
        empty={<Empty title="Nobody has charged here yet." />}
      />
    </Card>
  );
}
