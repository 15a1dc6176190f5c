// How wide an element is, and how large the page's text: for drawings in pixels that grow with the page.
import { type RefObject, useLayoutEffect, useRef, useState } from "react";

interface Size {
  width_px: number;
  /** 1 at a desk, more on a wall: see base.css. */
  scale: number;
}

const DESK_TEXT_PX = 15;

export function useDrawingSize<T extends HTMLElement>(): [RefObject<T | null>, Size] {
  const element = useRef<T>(null);
  const [size, setSize] = useState<Size>({ width_px: 640, scale: 1 });
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return undefined;
    const measure = () => {
      const text_px = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      if (found.clientWidth > 0)
        setSize({ width_px: found.clientWidth, scale: (text_px || DESK_TEXT_PX) / DESK_TEXT_PX });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(found);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}
