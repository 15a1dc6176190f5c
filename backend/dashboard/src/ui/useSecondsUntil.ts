// A countdown to an instant of the browser's stopwatch, which nobody sets: `performance.now()`.
import { useEffect, useState } from "react";

/** Seconds until an instant of `performance.now()`, counting down. */
export function useSecondsUntil(atMs: number | null): number | null {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    if (atMs === null) return;
    setNowMs(performance.now());
    const timer = setInterval(() => setNowMs(performance.now()), 250);
    return () => clearInterval(timer);
  }, [atMs]);
  return atMs === null ? null : Math.max(0, Math.ceil((atMs - nowMs) / 1000));
}
