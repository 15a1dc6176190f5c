// The open alerts of a station, live, and taking them on.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { dataOf } from "../../api/client";
import { ALERT_KINDS, ALERT_SEVERITIES, inWords } from "../../format/words";
import type { LiveAlert } from "../../live/protocol";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Badge, type Tone } from "../../ui/Status";
import { Ago } from "../../ui/Time";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Station.module.css";
import type { StationNow } from "./useStation";
import { useStationAlerts } from "./useStationAlerts";

const TONES: Record<LiveAlert["severity"], Tone> = { critical: "bad", warning: "warn", info: "idle" };

/** The gravest first. */
const SEVERITIES: readonly LiveAlert["severity"][] = ["critical", "warning", "info"];
const MOST_SHOWN = 5;

export function AlertsCard({ station }: { station: StationNow }) {
  const { alerts: unresolved, isLoading, error, retry } = useStationAlerts(station.evse_uid);
  const alerts = [...unresolved].sort(
    (a, b) =>
      SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
      b.opened_at.localeCompare(a.opened_at),
  );
  const more = alerts.length - MOST_SHOWN;
  return (
    <Card
      title="Open alerts"
      actions={<Link href={`/alerts?evse_uid=${encodeURIComponent(station.evse_uid)}`}>All alerts</Link>}
    >
      {isLoading ? (
        <Loading label="Loading the alerts" />
      ) : error !== null ? (
        <Failure error={error} onRetry={retry} />
      ) : alerts.length === 0 ? (
        <Empty title="No open alerts." />
      ) : (
        <ul className={styles["list"]}>
          {alerts.slice(0, MOST_SHOWN).map((alert) => (
            <AlertItem key={alert.id} alert={alert} zone={station.zone} />
          ))}
        </ul>
      )}
      {more > 0 && <p className={styles["quiet"]}>And {more} more: see all alerts.</p>}
    </Card>
  );
}

function AlertItem({ alert, zone }: { alert: LiveAlert; zone: string }) {
  const api = useApi();
  const announce = useAnnounce();
  const queries = useQueryClient();
  const mayWrite = useMay()("alert:write");
  const [isBusy, setBusy] = useState(false);
  const title = ALERT_KINDS[alert.kind] ?? inWords(alert.kind);
  const acknowledge = () => {
    setBusy(true);
    const path = { alert_id: alert.id };
    dataOf(api.POST("/api/v1/alerts/{alert_id}/acknowledge", { params: { path } }))
      .then(() => {
        announce.done(`${title}: acknowledged.`);
        return queries.invalidateQueries({ queryKey: ["alerts"] });
      })
      .catch(announce.failed)
      .finally(() => setBusy(false));
  };
  return (
    <li className={styles["alert"]}>
      <Badge tone={TONES[alert.severity]}>
        {ALERT_SEVERITIES[alert.severity] ?? inWords(alert.severity)}
      </Badge>
      <span className={styles["alertText"]}>
        <b>{title}</b>
        {alert.connector_id !== null && ` on connector ${alert.connector_id}`}
        {alert.detail && `: ${inWords(alert.detail)}`}
        <small>
          since <Ago at={alert.opened_at} zone={zone} />
        </small>
      </span>
      {alert.status === "acknowledged" ? (
        <span className={styles["quiet"]}>Acknowledged</span>
      ) : (
        mayWrite && (
          <Button isSmall isBusy={isBusy} onClick={acknowledge} aria-label={`Acknowledge: ${title}`}>
            Acknowledge
          </Button>
        )
      )}
    </li>
  );
}
