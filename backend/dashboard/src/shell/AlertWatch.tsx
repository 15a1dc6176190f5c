// Says at once, whatever view is open, when a new critical alert opens, and counts them in the document's title.
import { useContext, useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { Link } from "wouter";
import { number } from "../format/number";
import { ALERT_KINDS } from "../format/words";
import { useLiveAlerts, useSnapshotCount } from "../live/hooks";
import type { LiveAlert } from "../live/protocol";
import { useMay } from "../services";
import { Button } from "../ui/Button";
import { StatusIcon } from "../ui/Status";
import { NoticePlace } from "../ui/Toasts";
import styles from "./AlertWatch.module.css";
import { keepInTitle } from "./alertTitle";

export function AlertWatch() {
  return useMay()("alert:read") ? <Watch /> : null;
}

const SHOWN_COUNT = 3;

function Watch() {
  const critical = useOpenCritical();
  const [news, dismiss] = useNews(critical);
  const count = critical.length;
  const place = useContext(NoticePlace);
  useEffect(() => keepInTitle(count), [count]);
  if (place === null) return null;
  return createPortal(
    // There from the start, and empty: screen readers announce what comes into a region that they know.
    <div role="alert">
      {news.length > 0 && (
        <div className={styles["notice"]}>
          <div className={styles["text"]}>
            <b className={styles["title"]}>
              <StatusIcon state="faulted" />
              {news.length === 1 ? "New critical alert" : `${number(news.length)} new critical alerts`}
            </b>
            <ul>
              {news.slice(0, SHOWN_COUNT).map((alert) => (
                <li key={alert.id}>
                  {ALERT_KINDS[alert.kind]}: {alert.evse_uid}
                  {alert.connector_id !== null && `, connector ${alert.connector_id}`}
                </li>
              ))}
            </ul>
            <Link href="/alerts" onClick={dismiss}>
              See the alerts
            </Link>
          </div>
          <Button kind="quiet" isSmall aria-label="Dismiss" onClick={dismiss}>
            ✕
          </Button>
        </div>
      )}
    </div>,
    place,
  );
}

function useOpenCritical(): LiveAlert[] {
  const alerts = useLiveAlerts();
  return [...alerts.values()].filter((alert) => alert.severity === "critical" && alert.status === "open");
}

/** Those that opened while the page was open, as long as they are open and nobody has waved them off. */
function useNews(critical: readonly LiveAlert[]): [LiveAlert[], () => void] {
  const hasPicture = useSnapshotCount() > 0;
  const [old, setOld] = useState<ReadonlySet<number> | null>(null);
  const latest = useRef(critical);
  latest.current = critical;
  useEffect(() => {
    // What the first snapshot holds is no news: the menu counts it.
    if (hasPicture) setOld((before) => before ?? new Set(latest.current.map((alert) => alert.id)));
  }, [hasPicture]);
  const news = old === null ? [] : critical.filter((alert) => !old.has(alert.id));
  return [news, () => setOld(new Set(critical.map((alert) => alert.id)))];
}
