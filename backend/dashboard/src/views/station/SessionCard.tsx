// The running session of a connector, going on; else what the last one was.
import { Link } from "wouter";
import type { CursorPages } from "../../api/queries";
import type { Session } from "../../api/types";
import { money } from "../../format/money";
import { energy, power, UNKNOWN } from "../../format/number";
import { about, span } from "../../format/time";
import { inWords } from "../../format/words";
import { useNowMs } from "../../live/hooks";
import type { LiveSession } from "../../live/protocol";
import { useMay } from "../../services";
import { Card, Facts } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Time } from "../../ui/Time";
import { SourceBar } from "../sessions/SourceBar";
import { END_WORDS } from "../sessions/words";
import styles from "./Station.module.css";
import { type StationNow, useConnectorNow } from "./useStation";

interface Props {
  station: StationNow;
  connector_id: number;
  sessions: CursorPages<Session>;
}

export function SessionCard({ station, connector_id, sessions }: Props) {
  const connector = useConnectorNow(station, connector_id);
  const mayRead = useMay()("session:read");
  // Before the picture has come, the list knows the running session.
  const running =
    connector.session ??
    sessions.items.find((session) => session.id === connector.session_id && session.status === "ACTIVE");
  if (running !== undefined)
    return (
      <Card title="Running session" actions={<Link href={`/sessions/${running.id}`}>All about it</Link>}>
        <Running session={running} zone={station.zone} />
      </Card>
    );
  if (!mayRead) return null; // whether one runs is not known
  const last = sessions.items.find((session) => session.status === "COMPLETED");
  return (
    <Card
      title="No session is running"
      actions={last && <Link href={`/sessions/${last.id}`}>All about the last one</Link>}
    >
      {last !== undefined ? (
        <Last session={last} zone={station.zone} />
      ) : sessions.isLoading ? (
        <Loading label="Loading the last session" rows={5} />
      ) : sessions.error !== null ? (
        <Failure error={sessions.error} onRetry={sessions.refetch} />
      ) : (
        <Empty title="Nobody has charged here yet." />
      )}
    </Card>
  );
}

function Running({ session, zone }: { session: LiveSession | Session; zone: string }) {
  const nowMs = useNowMs();
  return (
    <>
      <div className={styles["headline"]}>
        <Big label="Duration">{span((nowMs - Date.parse(session.started_at)) / 1000)}</Big>
        <Big label="Energy">{energy(session.energy_wh)}</Big>
        <Big label="Cost so far, without VAT">{money(session.cost, session.currency)}</Big>
      </div>
      <SourceBar of={session} />
      <Facts
        facts={[
          ["Started", <Time key="started" at={session.started_at} zone={zone} withZone />],
          ["Driver", session.id_token ?? UNKNOWN],
          ["Peak power", power(session.peak_power_w)],
        ]}
      />
    </>
  );
}

function Last({ session, zone }: { session: Session; zone: string }) {
  const { started_at, ended_at } = session;
  return (
    <>
      <p className={styles["lead"]}>The last one:</p>
      <Facts
        facts={[
          ["Ended", <Time key="ended" at={ended_at} zone={zone} withZone />],
          ["Because", END_WORDS[session.end_reason ?? ""] ?? inWords(session.end_reason)],
          [
            "Lasted",
            ended_at === null ? UNKNOWN : about((Date.parse(ended_at) - Date.parse(started_at)) / 1000),
          ],
          ["Energy", energy(session.energy_wh)],
          ["Cost, without VAT", money(session.cost, session.currency)],
          ["Driver", session.id_token ?? UNKNOWN],
        ]}
      />
    </>
  );
}

function Big({ label, children }: { label: string; children: string }) {
  return (
    <p>
      <span>{label}</span>
      <b className="tabular">{children}</b>
    </p>
  );
}
