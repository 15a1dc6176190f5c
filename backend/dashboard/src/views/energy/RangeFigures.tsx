// The range in a few figures, each against as many days before it.
import type { ReactNode } from "react";
import { money } from "../../format/money";
import { energy, number, power, share, UNKNOWN } from "../../format/number";
import { calendarDay } from "../../format/time";
import { Figure, Figures } from "../../ui/Page";
import { daysAfter } from "../../ui/RangeFilterDays";
import type { Chosen } from "./choice";
import styles from "./EnergyAndMoney.module.css";
import { usePeriodsBefore } from "./queries";
import { rangeBefore } from "./range";
import { changeOf, moneyChangeOf, type Totals, totalsOf } from "./totals";
import { changeText, periodName, pointsText } from "./words";

export function RangeFigures({ chosen, totals }: { chosen: Chosen; totals: Totals }) {
  const { range, now } = chosen;
  const { data, isError } = usePeriodsBefore(chosen);
  const before = data === undefined ? null : totalsOf(data.items, now);
  const days = `${number(range.day_count)} day${range.day_count === 1 ? "" : "s"}`;
  const earlier = rangeBefore(range);
  return (
    <section aria-label="The range in figures" className={styles["rangeFigures"]}>
      <p className={`${styles["range"]} ${styles["rangeLine"]}`}>
        <b>{dayRange(range.date_from, range.date_to)}</b>, against the {days} before (
        {dayRange(earlier.date_from, earlier.date_to)}
        {isError && data === undefined && ": those could not be loaded"})
      </p>
      <Figures>
        <Figure
          label="Energy"
          value={energy(totals.energy_wh)}
          note={<Against before={before} now={totals} of={(each) => each.energy_wh} text={energy} />}
        />
        <Figure
          label="Solar share"
          tone="solar"
          value={share(totals.solar_share)}
          note={against(before, pointsText(totals.solar_share, before?.solar_share ?? null), (each) =>
            share(each.solar_share),
          )}
        />
        {totals.money.length === 0 && <Figure label="Money" value={UNKNOWN} note="no sessions began" />}
        {totals.money.map(({ currency, cost }) => {
          const earlierCost = before?.money.find((sum) => sum.currency === currency)?.cost;
          return (
            <Figure
              key={currency}
              label="Money, without VAT"
              value={money(cost, currency)}
              note={against(before, changeText(moneyChangeOf(cost, earlierCost)), () =>
                money(earlierCost, currency),
              )}
            />
          );
        })}
        <Figure
          label="Sessions"
          value={number(totals.session_count)}
          note={<Against before={before} now={totals} of={(each) => each.session_count} text={number} />}
        />
        <Figure
          label="Utilisation"
          value={share(totals.utilisation, 1)}
          note={against(before, pointsText(totals.utilisation, before?.utilisation ?? null, 1), (each) =>
            share(each.utilisation, 1),
          )}
        />
        <Figure
          label="Peak quarter power"
          value={power(totals.peak_quarter_power_w)}
          note={
            totals.peak_period_start === null
              ? undefined
              : `${range.period === "day" ? "on " : "in "}${inSentence(periodName(totals.peak_period_start, range.period))}`
          }
        />
      </Figures>
    </section>
  );
}

/** What was before is said too: "+12 %" of nearly nothing is no news. */
function against(before: Totals | null, change: string, textOf: (before: Totals) => string): ReactNode {
  if (before === null) return " ";
  return before.energy_wh === 0 && before.session_count === 0
    ? "nothing before"
    : `${change}, before: ${textOf(before)}`;
}

function Against({
  before,
  now,
  of,
  text,
}: {
  before: Totals | null;
  now: Totals;
  of: (totals: Totals) => number | null;
  text: (value: number | null) => string;
}) {
  const change = before === null ? null : changeOf(of(now), of(before));
  return <>{against(before, changeText(change), (each) => text(of(each)))}</>;
}

function dayRange(date_from: string, date_to: string): string {
  const last = daysAfter(date_to, -1);
  return last === date_from ? calendarDay(last) : `${calendarDay(date_from)} to ${calendarDay(last)}`;
}

function inSentence(name: string): string {
  return name.replace(/^Week/, "the week");
}
