// Something that is drawn only once somebody opens it.
import { type ReactNode, useState } from "react";
import styles from "./Station.module.css";

export function Disclosure({ title, children }: { title: string; children: () => ReactNode }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className={styles["disclosure"]} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      {isOpen && children()}
    </details>
  );
}
