// Links between the parts of a view. Each part has an address of its own.
import { Link, useLocation } from "wouter";
import styles from "./Tabs.module.css";

export function Tabs({ label, tabs }: { label: string; tabs: readonly { href: string; title: string }[] }) {
  const [location] = useLocation();
  return (
    <nav className={styles["tabs"]} aria-label={label}>
      {tabs.map((tab) => (
        <Link key={tab.href} href={tab.href} aria-current={location === tab.href ? "page" : undefined}>
          {tab.title}
        </Link>
      ))}
    </nav>
  );
}

/** One of a few choices, side by side: a period, a range. */
export function Choice<T extends string>({
  label,
  choices,
  value,
  onChange,
}: {
  label: string;
  choices: readonly (readonly [T, string])[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <fieldset className={styles["choice"]}>
      <legend className="visually-hidden">{label}</legend>
      {choices.map(([each, title]) => (
        <button key={each} type="button" aria-pressed={each === value} onClick={() => onChange(each)}>
          {title}
        </button>
      ))}
    </fieldset>
  );
}
