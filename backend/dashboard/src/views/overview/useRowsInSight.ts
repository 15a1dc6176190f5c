// Which rows of a long list are in sight, by the window's scroll. All rows are of one height, so it takes no measuring.
import { useCallback, useSyncExternalStore } from "react";

/** Drawn beyond either edge of the window, for the next bit of scrolling and for the Tab key. */
const OVERSCAN_PX = 400;

interface Rows {
  count: number;
  height_px: number;
  /** Where the first one begins, from the top of the document. */
  top_px: number;
}

/** The first row in sight, and the one after the last. Draws again only when one of them changes. */
export function useRowsInSight({ count, height_px, top_px }: Rows): { first: number; end: number } {
  // Numbers that are equal are the same snapshot: both are put into one.
  const inSight = useCallback(() => {
    const above_px = window.scrollY - top_px;
    const first = within(Math.floor((above_px - OVERSCAN_PX) / height_px), count);
    const end = within(Math.ceil((above_px + window.innerHeight + OVERSCAN_PX) / height_px), count);
    return first * FACTOR + end;
  }, [count, height_px, top_px]);
  const both = useSyncExternalStore(subscribe, inSight);
  return { first: Math.floor(both / FACTOR), end: both % FACTOR };
}

/** More than there are rows. */
const FACTOR = 2 ** 24;

function within(row: number, count: number): number {
  return Math.max(0, Math.min(count, row));
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("scroll", listener, { passive: true });
  window.addEventListener("resize", listener);
  return () => {
    window.removeEventListener("scroll", listener);
    window.removeEventListener("resize", listener);
  };
}
