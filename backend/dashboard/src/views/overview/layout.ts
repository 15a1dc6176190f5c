// How wide the list is, where it begins on the page, and how many tiles stand beside each other.
import { type RefObject, useLayoutEffect, useState } from "react";

export const TILE_HEIGHT_REM = 10.5;
const TILE_MIN_WIDTH_REM = 15.5;
export const GAP_REM = 0.7;

export interface Layout {
  width_px: number;
  /** From the top of the document. */
  top_px: number;
  rem_px: number;
}

export interface Columns {
  count: number;
  width_px: number;
  gap_px: number;
}

/** As many tiles beside each other as may be at least `TILE_MIN_WIDTH_REM` wide; one in any case. */
export function columnsOf({ width_px, rem_px }: Pick<Layout, "width_px" | "rem_px">): Columns {
  const gap_px = GAP_REM * rem_px;
  const count = Math.max(1, Math.floor((width_px + gap_px) / (TILE_MIN_WIDTH_REM * rem_px + gap_px)));
  return { count, width_px: (width_px - gap_px * (count - 1)) / count, gap_px };
}

/** Measured again whenever something on the page changes its size. */
export function useLayout(ref: RefObject<HTMLElement | null>): Layout {
  const [layout, setLayout] = useState<Layout>({ width_px: 0, top_px: 0, rem_px: 15 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const measure = () => {
      const box = element.getBoundingClientRect();
      const next = {
        width_px: box.width,
        top_px: box.top + window.scrollY,
        rem_px: Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16,
      };
      setLayout((last) =>
        last.width_px === next.width_px && last.top_px === next.top_px && last.rem_px === next.rem_px
          ? last
          : next,
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(document.body); // what stands above has grown, or shrunk
    return () => observer.disconnect();
  }, [ref]);
  return layout;
}
