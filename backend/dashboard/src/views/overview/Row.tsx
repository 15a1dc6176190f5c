// One connector as a row of the list, which follows the picture on its own.
import { memo } from "react";
import { Link } from "wouter";
import { useConnector } from "../../live/hooks";
import { Status } from "../../ui/Status";
import styles from "./List.module.css";
import { LastSeen, Running } from "./now";
import type { Place } from "./places";
import { detailsOf, toldOf } from "./reading";
import { PowerBar, Source } from "./Tile";

interface Props {
  place: Place;
  siteName: string | null;
  zone: string;
  rowIndex: number;
}

export const Row = memo(function Row({ place, siteName, zone, rowIndex }: Props) {
  const told = toldOf(place, useConnector(place.key));
  const { connector, state, tone, error } = told;
  return (
    <tr className={`${styles["row"]} ${styles[tone]}`} aria-rowindex={rowIndex}>
      <td className={styles["state"]}>
        <Status state={state} note={error} />
      </td>
      <th scope="row">
        <Link href={`/stations/${encodeURIComponent(place.evseUid)}`}>{place.title}</Link>
        <span className={styles["details"]}>{detailsOf(place, siteName)}</span>
      </th>
      <td className={styles["power"]}>{told.power}</td>
      <td className={`${styles["bar"]} ${styles["wide"]}`}>
        <PowerBar share={told.powerShare} />
      </td>
      <td className={`${styles["number"]} ${styles["medium"]}`}>{told.sessionEnergy}</td>
      <td className={`${styles["number"]} ${styles["medium"]}`}>{told.sessionCost}</td>
      <td className={`${styles["number"]} ${styles["medium"]}`}>
        {told.startedAt === null ? "–" : <Running since={told.startedAt} />}
      </td>
      <td className={`${styles["source"]} ${styles["wide"]}`}>
        {told.source === null ? told.sourceWord : <Source told={told} />}
      </td>
      <td className={`${styles["number"]} ${styles["wide"]}`}>{told.temperature}</td>
      <td className={styles["seen"]}>
        {connector === undefined ? "–" : <LastSeen connector={connector} zone={zone} />}
      </td>
    </tr>
  );
});
