// What the cells of a table of sessions show; those of running sessions go on by themselves.
import { Link } from "wouter";
import type { Session } from "../../api/types";
import { money } from "../../format/money";
import { power, UNKNOWN } from "../../format/number";
import { about, span, zoneName } from "../../format/time";
import { inWords } from "../../format/words";
import { useConnector, useNowMs } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import { Badge } from "../../ui/Status";
import { Time } from "../../ui/Time";
import styles from "./Sessions.module.css";
import { END_WORDS, FLAG_WORDS } from "./words";

export function StartedCell({
  session,
  zone,
  withZone,
}: {
  session: Session;
  zone: string;
  withZone: boolean;
}) {
  return (
    <>
      <Link href={`/sessions/${session.id}`} className={styles["started"] ?? ""}>
        <Time at={session.started_at} zone={zone} />
      </Link>
      {withZone && <span className={styles["second"]}>{zoneName(zone, session.started_at)}</span>}
      {/* The columns that a narrow screen has no room for. */}
      <span className={styles["narrowOnly"]}>
        {session.evse_uid}
        {session.status === "ACTIVE" && ", running"}
      </span>
    </>
  );
}

export function Duration({ session }: { session: Session }) {
  if (session.ended_at === null) return <RunningClock startedAt={session.started_at} />;
  return <>{about((Date.parse(session.ended_at) - Date.parse(session.started_at)) / 1000)}</>;
}

/** How long it runs, by the server's clock. */
export function RunningClock({ startedAt }: { startedAt: string }) {
  const nowMs = useNowMs();
  return <span className="tabular">{span((nowMs - Date.parse(startedAt)) / 1000)}</span>;
}

export function PowerCell({ session }: { session: Session }) {
  return (
    <>
      {power(session.peak_power_w)}
      {session.status === "ACTIVE" && (
        <span className={styles["second"]}>
          now <PowerNow session={session} />
        </span>
      )}
    </>
  );
}

/** The power of a running session at this moment; unknown when the connector is at another one already. */
export function PowerNow({ session }: { session: Session }) {
  const connector = useConnector(connectorKey(session.evse_uid, session.connector_id));
  return <>{power(connector?.session?.id === session.id ? connector.power_w : null)}</>;
}

/** Without VAT, as prices are; with VAT below, once that is settled and differs. */
export function CostCell({ session }: { session: Session }) {
  const withVat = session.total_cost.incl_vat;
  const isSettled = session.status === "COMPLETED" && session.total_cost.excl_vat === session.cost;
  return (
    <>
      {money(session.cost, session.currency)}
      {session.status === "ACTIVE" ? (
        <span className={styles["second"]}>so far</span>
      ) : (
        isSettled &&
        withVat !== session.cost && (
          <span className={styles["second"]}>{money(withVat, session.currency)} with VAT</span>
        )
      )}
    </>
  );
}

/** A driver need not be told how the figures came to be, only an operator. */
export function StateCell({ session, withFlags }: { session: Session; withFlags: boolean }) {
  return (
    <div className={styles["state"]}>
      {session.status === "ACTIVE" ? (
        <Badge tone="charging">Running</Badge>
      ) : (
        <span>{END_WORDS[session.end_reason ?? ""] ?? inWords(session.end_reason)}</span>
      )}
      {withFlags &&
        session.quality.map((flag) => (
          <Badge key={flag} tone="warn">
            {FLAG_WORDS[flag] ?? inWords(flag)}
          </Badge>
        ))}
    </div>
  );
}

export function DriverCell({ session }: { session: Session }) {
  return <span className={styles["token"]}>{session.id_token ?? UNKNOWN}</span>;
}
