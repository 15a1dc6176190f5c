// How much larger the page's text is than at a desk: on a wall screen charts grow with it.
import { useSyncExternalStore } from "react";

/** What base.css says for a desk. */
const USUAL_PX = 15;

export function useTextScale(): number {
  return useSyncExternalStore(subscribe, () => {
    const size_px = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    return Number.isFinite(size_px) ? size_px / USUAL_PX : 1;
  });
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("resize", listener);
  return () => window.removeEventListener("resize", listener);
}
