// The frame of a view: its title, what can be done, its cards.
import { type ReactNode, useEffect } from "react";
import styles from "./Page.module.css";

interface PageProps {
  title: string;
  /** Beside the title: a status, a zone. */
  aside?: ReactNode;
  /** Buttons. */
  actions?: ReactNode;
  children: ReactNode;
}

export function Page({ title, aside, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · SolarRally`;
  }, [title]);
  return (
    <div className={styles["page"]}>
      <header className={styles["header"]}>
        <div className={styles["heading"]}>
          <h1 tabIndex={-1}>{title}</h1>
          {aside}
        </div>
        {actions && <div className={styles["actions"]}>{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  title?: string;
  aside?: ReactNode;
  actions?: ReactNode;
  /** The content reaches to the edge: a table, a chart. */
  isFlush?: boolean;
  children: ReactNode;
}

export function Card({ title, aside, actions, isFlush = false, children }: CardProps) {
  return (
    <section className={styles["card"]}>
      {(title || actions) && (
        <header className={styles["cardHeader"]}>
          <div className={styles["heading"]}>
            {title && <h2>{title}</h2>}
            {aside && <span className={styles["aside"]}>{aside}</span>}
          </div>
          {actions && <div className={styles["actions"]}>{actions}</div>}
        </header>
      )}
      <div className={isFlush ? styles["flush"] : styles["content"]}>{children}</div>
    </section>
  );
}

/** Cards beside each other where there is room. `min`: how narrow one may get, in rem. */
export function Columns({ min = 22, children }: { min?: number; children: ReactNode }) {
  return (
    <div
      className={styles["columns"]}
      style={{ gridTemplateColumns: `repeat(auto-fit, minmax(min(100%, ${min}rem), 1fr))` }}
    >
      {children}
    </div>
  );
}

/** One figure of a row of them: what it is, its value, something small below. */
export function Figure({
  label,
  value,
  note,
  tone,
}: {
  label: string;
  value: ReactNode;
  note?: ReactNode;
  tone?: "bad" | "warn" | "solar";
}) {
  return (
    <div className={`${styles["figure"]} ${tone ? styles[tone] : ""}`}>
      <dt>{label}</dt>
      <dd>
        <span className={`${styles["value"]} tabular`}>{breakable(value)}</span>
        {note && <span className={styles["noteText"]}>{note}</span>}
      </dd>
    </div>
  );
}

/** An amount may break between its number and its unit, and nowhere else: a no-break space gets a place to break. */
function breakable(value: ReactNode): ReactNode {
  if (typeof value !== "string") return value;
  const [first, ...rest] = value.split("\u00a0");
  return rest.length === 0 ? value : [first, ...rest.flatMap((part) => ["\u00a0", <wbr key={part} />, part])];
}

export function Figures({ children }: { children: ReactNode }) {
  return <dl className={styles["figures"]}>{children}</dl>;
}

/** Facts in two columns: name and value. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles["facts"]}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Filters in a row that wraps. */
export function Toolbar({ label, children }: { label: string; children: ReactNode }) {
  return (
    <search className={styles["toolbar"]} aria-label={label}>
      {children}
    </search>
  );
}
