// Whether there is room for one chart only: on a phone.
import { useSyncExternalStore } from "react";

const NARROW = "(max-width: 47.99rem)";

export function useIsNarrow(): boolean {
  return useSyncExternalStore(subscribe, () => window.matchMedia(NARROW).matches);
}

function subscribe(listener: () => void): () => void {
  const media = window.matchMedia(NARROW);
  media.addEventListener("change", listener);
  return () => media.removeEventListener("change", listener);
}
