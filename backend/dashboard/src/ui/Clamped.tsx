// A name that may be long, in at most two lines. The whole of it stays in the text: it is only not drawn.
import type { ReactNode } from "react";
import styles from "./Clamped.module.css";

export function Clamped({ children }: { children: ReactNode }) {
  return (
    <span className={styles["clamped"]} title={typeof children === "string" ? children : undefined}>
      {children}
    </span>
  );
}
