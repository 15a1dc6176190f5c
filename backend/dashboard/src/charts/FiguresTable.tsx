// What a chart shows, as a table behind a disclosure. It is drawn only when somebody opens it.
import { useState } from "react";
import { type Column, Table } from "../ui/Table";
import type { Bar, Part } from "./StackedBars";
import styles from "./StackedBars.module.css";

interface Props {
  caption: string;
  barWord: string;
  parts: readonly Part[];
  bars: readonly Bar[];
}

export function FiguresTable({ caption, barWord, parts, bars }: Props) {
  const [isOpen, setOpen] = useState(false);
  const hasTotal = bars.some((bar) => bar.total !== undefined);
  const columns: Column<Bar>[] = [
    { title: barWord, cell: (bar) => bar.name },
    ...parts.map(
      (part, at): Column<Bar> => ({
        title: part.label,
        cell: (bar) => bar.texts[at] ?? "–",
        isNumber: true,
      }),
    ),
    ...(hasTotal
      ? [{ title: "Together", cell: (bar: Bar) => bar.total ?? "–", isNumber: true } satisfies Column<Bar>]
      : []),
  ];
  return (
    <Disclosure isOpen={isOpen} onToggle={setOpen}>
      <Table caption={caption} columns={columns} rows={bars} keyOf={(bar) => bar.key} />
    </Disclosure>
  );
}

/** "Show as table": what is inside is not there until it is opened. */
export function Disclosure({
  isOpen,
  onToggle,
  children,
}: {
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
  children: React.ReactNode;
}) {
  return (
    <details
      className={styles["disclosure"]}
      open={isOpen}
      onToggle={(event) => onToggle(event.currentTarget.open)}
    >
      <summary>Show as table</summary>
      {isOpen && <div className={styles["table"]}>{children}</div>}
    </details>
  );
}
