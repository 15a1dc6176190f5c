// What the tables of alerts show in their cells.
import { Link } from "wouter";
import type { Alert, AlertKind, AlertSeverity } from "../../api/types";
import { number } from "../../format/number";
import { dayTime, exact, zoneName } from "../../format/time";
import { ALERT_KINDS, ALERT_SEVERITIES, inWords } from "../../format/words";
import { useMay } from "../../services";
import { Clamped } from "../../ui/Clamped";
import { StatusIcon, type Tone } from "../../ui/Status";
import styles from "./Alerts.module.css";
import type { Places } from "./places";

const TONES: Record<AlertSeverity, Tone> = { critical: "bad", warning: "warn", info: "idle" };
/** Each severity has a shape of its own, too. */
const SHAPES: Record<AlertSeverity, string> = {
  critical: "faulted",
  warning: "suspendedev",
  info: "available",
};

/** How bad and what: "Critical · Faulted", and below it what the station said. */
export function WhatCell({
  alert,
}: {
  alert: {
    kind: AlertKind;
    severity: AlertSeverity;
    detail: string | null;
    session_id: string | null;
    occurrence_count: number | null;
  };
}) {
  const may = useMay();
  const session = may("session:read") ? alert.session_id : null;
  return (
    <div className={styles["what"]}>
      <span className={`${styles["severity"]} ${styles[TONES[alert.severity]]}`}>
        <StatusIcon state={SHAPES[alert.severity]} />
        {ALERT_SEVERITIES[alert.severity]}
      </span>
      <b>{ALERT_KINDS[alert.kind]}</b>
      <span className={styles["remark"]}>
        {[detailText(alert), timesText(alert.occurrence_count)].filter((text) => text !== "").join(", ")}
        {session !== null && (
          <>
            {" "}
            <Link href={`/sessions/${session}`}>its session</Link>
          </>
        )}
      </span>
    </div>
  );
}

/** What flaps is one alert; that it came once goes without saying. */
function timesText(count: number | null): string {
  return count === null || count === 1 ? "" : `came ${number(count)} times`;
}

/** Marks such as `counter_jumped,power_disagrees` in words; error codes as the station said them. */
function detailText({ kind, detail }: { kind: AlertKind; detail: string | null }): string {
  if (detail === null) return "";
  return kind === "energy_implausible" ? detail.split(/,\s*/).map(inWords).join(", ") : detail;
}

/** Station and connector, and the site where there is more than one. */
export function WhereCell({
  alert,
  places,
}: {
  alert: { evse_uid: string; connector_id: number | null; site_id: number };
  places: Places;
}) {
  const may = useMay();
  const site = places.siteName(alert.site_id);
  return (
    <div className={styles["where"]}>
      {may("evse:read") ? (
        <Link href={`/stations/${encodeURIComponent(alert.evse_uid)}`}>{alert.evse_uid}</Link>
      ) : (
        alert.evse_uid
      )}
      <span className={styles["remark"]}>
        {alert.connector_id === null ? "whole\u00a0station" : `connector\u00a0${alert.connector_id}`}
        {site !== null && <Clamped>{site}</Clamped>}
      </span>
    </div>
  );
}

/** An instant to the minute in the zone of a site. */
export function When({ at, siteId, places }: { at: string; siteId: number; places: Places }) {
  const zone = places.zoneOf(siteId);
  return (
    <>
      <time dateTime={at} title={exact(at, zone)} className="tabular">
        {dayTime(at, zone)}
      </time>{" "}
      {places.commonZone === null && <span className={styles["zone"]}>{zoneName(zone, at)}</span>}
    </>
  );
}

/** Who has taken it on, and what there is to say about it. */
export function TakenCell({
  alert,
  places,
}: {
  alert: Pick<Alert, "acknowledged_at" | "acknowledged_by" | "note" | "site_id">;
  places: Places;
}) {
  if (alert.acknowledged_at === null && alert.note === null)
    return <span className={styles["remark"]}>nobody</span>;
  return (
    <div className={styles["taken"]}>
      {alert.acknowledged_at !== null && (
        <>
          <span>{alert.acknowledged_by ?? "somebody"}</span>
          <span className={styles["remark"]}>
            <When at={alert.acknowledged_at} siteId={alert.site_id} places={places} />
          </span>
        </>
      )}
      {alert.note !== null && <q className={styles["note"]}>{alert.note}</q>}
    </div>
  );
}
