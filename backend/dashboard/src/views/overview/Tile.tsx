// One connector as a tile that follows the picture on its own.
import { memo } from "react";
import { Link } from "wouter";
import { inWords, STATUS_WORDS } from "../../format/words";
import { useConnector } from "../../live/hooks";
import { Icon } from "../../ui/Icon";
import { StatusIcon } from "../../ui/Status";
import { LastSeen, Running } from "./now";
import type { Place } from "./places";
import { detailsOf, type Told, toldOf } from "./reading";
import styles from "./Tile.module.css";

interface Props {
  place: Place;
  /** Null where there is one site only. */
  siteName: string | null;
  zone: string;
  /** From the list's own corner. */
  left_px: number;
  top_px: number;
  width_px: number;
  position: number;
  count: number;
}

export const Tile = memo(function Tile({
  place,
  siteName,
  zone,
  left_px,
  top_px,
  width_px,
  position,
  count,
}: Props) {
  const told = toldOf(place, useConnector(place.key));
  const { connector, state, tone, error } = told;
  return (
    <li
      className={`${styles["tile"]} ${styles[tone]}`}
      style={{ transform: `translate(${left_px}px, ${top_px}px)`, width: width_px }}
      aria-posinset={position}
      aria-setsize={count}
    >
      <div className={styles["strip"]}>
        <span className={styles["state"]}>
          <StatusIcon state={state} />
          {STATUS_WORDS[state] ?? inWords(state)}
        </span>
        {error !== null && <span className={styles["error"]}>{error}</span>}
        <Source told={told} />
      </div>
      <div className={styles["body"]}>
        <Link href={`/stations/${encodeURIComponent(place.evseUid)}`} className={styles["title"]}>
          {place.title}
        </Link>
        <span className={styles["details"]}>{detailsOf(place, siteName)}</span>
        <span className={`${styles["power"]} tabular`}>
          <b>{told.power}</b>
          {told.maxPower !== null && <span className={styles["max"]}>of {told.maxPower}</span>}
          {told.soc !== null && <span className={styles["soc"]}>Car {told.soc}</span>}
        </span>
        <PowerBar share={told.powerShare} />
        <SessionLine told={told} />
        <span className={styles["foot"]}>
          <span className="tabular">{told.temperature}</span>
          {connector !== undefined && <LastSeen connector={connector} zone={zone} word="seen" />}
        </span>
      </div>
    </li>
  );
});

export function Source({ told: { source, sourceWord } }: { told: Told }) {
  if (source === null) return null;
  return (
    <span className={`${styles["source"]} ${styles[source]}`}>
      <Icon name={source === "solar" ? "sun" : "plug"} />
      {sourceWord}
    </span>
  );
}

/** How much of what the station can: beside the figures, so screen readers pass over it. */
export function PowerBar({ share }: { share: number | null }) {
  return (
    <span className={styles["bar"]} aria-hidden="true">
      {share !== null && share > 0 && <span style={{ transform: `scaleX(${share.toFixed(3)})` }} />}
    </span>
  );
}

function SessionLine({ told }: { told: Told }) {
  if (told.hasSession === false)
    return <span className={`${styles["session"]} ${styles["none"]}`}>No session</span>;
  return (
    <span className={`${styles["session"]} tabular`}>
      <span>{told.sessionEnergy}</span>
      <span className={styles["cost"]}>{told.sessionCost}</span>
      {told.startedAt === null ? <span>–</span> : <Running since={told.startedAt} />}
    </span>
  );
}
