// The tiles of the places in sight, and room for the others: a thousand stations cost as much as forty.
import { useRef } from "react";
import { columnsOf, TILE_HEIGHT_REM, useLayout } from "./layout";
import styles from "./Overview.module.css";
import type { Place } from "./places";
import { Tile } from "./Tile";
import { useRowsInSight } from "./useRowsInSight";

interface Props {
  places: readonly Place[];
  siteNameOf: (siteId: number) => string | null;
  zoneOf: (siteId: number) => string;
}

export function TileGrid({ places, siteNameOf, zoneOf }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const layout = useLayout(list);
  const { count, width_px, gap_px } = columnsOf(layout);
  const rowHeight_px = TILE_HEIGHT_REM * layout.rem_px + gap_px;
  const rowCount = Math.ceil(places.length / count);
  const { first, end } = useRowsInSight({
    count: rowCount,
    height_px: rowHeight_px,
    top_px: layout.top_px,
  });
  const begin = first * count;
  return (
    <ul
      ref={list}
      aria-label="Stations"
      className={styles["grid"]}
      style={{ height: Math.max(0, rowCount * rowHeight_px - gap_px) }}
    >
      {places.slice(begin, end * count).map((place, offset) => {
        const index = begin + offset;
        return (
          <Tile
            key={place.key}
            place={place}
            siteName={siteNameOf(place.siteId)}
            zone={zoneOf(place.siteId)}
            left_px={(index % count) * (width_px + gap_px)}
            top_px={Math.floor(index / count) * rowHeight_px}
            width_px={width_px}
            position={index + 1}
            count={places.length}
          />
        );
      })}
    </ul>
  );
}
