// Scrolls sideways what is too wide, and shows by a shadow on which side there is more.
import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import styles from "./ScrollingRegion.module.css";

/** Parts of a pixel are no content. */
const TOLERANCE_PX = 2;

export function ScrollingRegion({ label, children }: { label: string; children: ReactNode }) {
  const region = useRef<HTMLElement>(null);
  const [hidden, setHidden] = useState("");
  useLayoutEffect(() => {
    const element = region.current;
    if (element === null) return;
    const look = () => {
      const after_px = element.scrollWidth - element.clientWidth - element.scrollLeft;
      const isBefore = element.scrollLeft > TOLERANCE_PX;
      const isAfter = after_px > TOLERANCE_PX;
      setHidden([isBefore ? "before" : "", isAfter ? "after" : ""].filter(Boolean).join(" "));
    };
    look();
    const sizes = new ResizeObserver(look);
    sizes.observe(element);
    for (const child of element.children) sizes.observe(child);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      sizes.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, []);
  return (
    <div className={styles["frame"]} data-hidden={hidden}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs the focus to be scrolled by keys */}
      <section ref={region} className={styles["region"]} aria-label={label} tabIndex={0}>
        {children}
      </section>
    </div>
  );
}
