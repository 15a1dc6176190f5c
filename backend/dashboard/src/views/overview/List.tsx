// The dense way of showing: a table with a row for each connector, of which only those in sight are drawn.
import { useRef } from "react";
import type { Order } from "./address";
import styles from "./List.module.css";
import { useLayout } from "./layout";
import type { Place } from "./places";
import { Row } from "./Row";
import { useRowsInSight } from "./useRowsInSight";

const ROW_HEIGHT_REM = 2.3;
const HEAD_ROWS = 1;

interface Props {
  places: readonly Place[];
  order: Order;
  siteNameOf: (siteId: number) => string | null;
  zoneOf: (siteId: number) => string;
}

export function List({ places, order, siteNameOf, zoneOf }: Props) {
  const body = useRef<HTMLTableSectionElement>(null);
  const layout = useLayout(body);
  const rowHeight_px = ROW_HEIGHT_REM * layout.rem_px;
  const { first, end } = useRowsInSight({
    count: places.length,
    height_px: rowHeight_px,
    top_px: layout.top_px,
  });
  const sorted = (of: Order, direction: "ascending" | "descending") => (order === of ? direction : undefined);
  return (
    <table className={styles["table"]} aria-rowcount={places.length + HEAD_ROWS}>
      <caption className="visually-hidden">Stations</caption>
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col" className={styles["state"]} aria-sort={sorted("state", "ascending")}>
            State
          </th>
          <th scope="col" aria-sort={sorted("name", "ascending")}>
            Station
          </th>
          <th scope="col" className={styles["power"]} aria-sort={sorted("power", "descending")}>
            Power
          </th>
          <th scope="col" className={`${styles["bar"]} ${styles["wide"]}`}>
            Of maximum
          </th>
          <th scope="col" className={`${styles["number"]} ${styles["medium"]}`}>
            Energy
          </th>
          <th scope="col" className={`${styles["number"]} ${styles["medium"]}`}>
            Cost
          </th>
          <th scope="col" className={`${styles["number"]} ${styles["medium"]}`}>
            Running
          </th>
          <th scope="col" className={`${styles["source"]} ${styles["wide"]}`}>
            Source
          </th>
          <th scope="col" className={`${styles["number"]} ${styles["wide"]}`}>
            Temperature
          </th>
          <th scope="col" className={`${styles["seen"]}`} aria-sort={sorted("seen", "ascending")}>
            Last seen
          </th>
        </tr>
      </thead>
      <tbody ref={body}>
        <Room height_px={first * rowHeight_px} />
        {places.slice(first, end).map((place, offset) => (
          <Row
            key={place.key}
            place={place}
            siteName={siteNameOf(place.siteId)}
            zone={zoneOf(place.siteId)}
            rowIndex={first + offset + HEAD_ROWS + 1}
          />
        ))}
        <Room height_px={(places.length - end) * rowHeight_px} />
      </tbody>
    </table>
  );
}

/** In place of rows that are out of sight. */
function Room({ height_px }: { height_px: number }) {
  return height_px <= 0 ? null : (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus
    <tr aria-hidden="true">
      <td className={styles["room"]} style={{ height: height_px }} />
    </tr>
  );
}
