// What runs now, large: power, energy, cost and clock, and what can be done with it.
import { Link } from "wouter";
import type { Session } from "../../api/types";
import { money } from "../../format/money";
import { energy, share } from "../../format/number";
import { useConnector } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import { useMay } from "../../services";
import { Card, Figure, Figures } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import { Status, stateOf } from "../../ui/Status";
import { Time } from "../../ui/Time";
import { useLiveSession } from "../sessions/Live";
import { PowerNow, RunningClock } from "../sessions/SessionCells";
import { useWithVat } from "../sessions/SessionFigures";
import { SourceBar } from "../sessions/SourceBar";
import { usePlaceOf } from "../status/useStations";
import { DriverCommands } from "./DriverCommands";
import styles from "./MyCharging.module.css";
import type { MyCommands } from "./useMyCommands";
import type { MyRunning } from "./useMyRunning";

export function RunningSessions({ running, commands }: { running: MyRunning; commands: MyCommands }) {
  if (running.sessions === undefined)
    return (
      <Card title="Now">
        {running.error === null ? (
          <Loading label="Loading what runs now" />
        ) : (
          <Failure error={running.error} onRetry={running.retry} />
        )}
      </Card>
    );
  if (running.sessions.length === 0)
    return (
      <Card title="Now">
        <p>You are not charging.</p>
      </Card>
    );
  return running.sessions.map((session) => (
    <Running key={session.id} session={session} commands={commands} />
  ));
}

function Running({ session: known, commands }: { session: Session; commands: MyCommands }) {
  const session = useLiveSession(known);
  const may = useMay();
  const placeOf = usePlaceOf();
  const place = placeOf(session.site_id);
  const connector = useConnector(connectorKey(session.evse_uid, session.connector_id));
  const withVat = useWithVat(session);
  const solarShare = session.energy_wh > 0 ? session.energy_solar_wh / session.energy_wh : null;
  return (
    <Card
      title={`Charging at ${session.evse_uid}`}
      aside={
        <>
          {place.name}, since <Time at={session.started_at} zone={place.zone} withZone />
        </>
      }
      actions={connector && <Status state={stateOf(connector)} />}
    >
      <div className={styles["running"]}>
        <Figures>
          <Figure label="Power" value={<PowerNow session={session} />} />
          <Figure
            label="Energy"
            value={energy(session.energy_wh)}
            note={solarShare === null ? null : `${share(solarShare)} solar`}
          />
          <Figure
            label={withVat === null ? "Cost so far, without VAT" : "Cost so far, with VAT"}
            value={money(withVat ?? session.cost, session.currency)}
          />
          <Figure label="Time" value={<RunningClock startedAt={session.started_at} />} />
        </Figures>
        <SourceBar of={session} />
        {may("evse:control_own") && (
          <DriverCommands
            session={session}
            state={connector === undefined ? null : stateOf(connector)}
            commands={commands}
          />
        )}
        <Link href={`/sessions/${session.id}`}>Curves and details</Link>
      </div>
    </Card>
  );
}
