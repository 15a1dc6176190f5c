// Holds an order while the pointer moves over what is ordered: nothing slips away from under a click.
import { useCallback, useEffect, useRef, useState } from "react";

/** So long after the last movement the pointer is taken for parked. */
const HOLD_MS = 1500;

/** The newest order, or for a moment an older one that answers the same question; and what to call on a movement. */
export function useHeld<T>(newest: readonly T[], asked: string): [readonly T[], () => void] {
  const [held, setHeld] = useState({ order: newest, asked });
  const movedAtMs = useRef(Number.NEGATIVE_INFINITY);
  // biome-ignore lint/correctness/useExhaustiveDependencies: who asks for something else gets it at once
  useEffect(() => {
    movedAtMs.current = Number.NEGATIVE_INFINITY;
  }, [asked]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const settle = () => {
      const leftMs = movedAtMs.current + HOLD_MS - performance.now();
      if (leftMs <= 0) setHeld({ order: newest, asked });
      else timer = setTimeout(settle, leftMs);
    };
    settle();
    return () => clearTimeout(timer);
  }, [newest, asked]);
  const noteMove = useCallback(() => {
    movedAtMs.current = performance.now();
  }, []);
  return [held.asked === asked && held.order.length > 0 ? held.order : newest, noteMove];
}
