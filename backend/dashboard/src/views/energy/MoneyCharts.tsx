// What the sessions cost that began in each period: a chart for each currency, for currencies are never added.
import { StackedBars } from "../../charts/StackedBars";
import { money } from "../../format/money";
import { Card } from "../../ui/Page";
import { Empty } from "../../ui/States";
import type { ChartProps } from "./chartProps";
import styles from "./EnergyAndMoney.module.css";
import { barNames, PERIOD_WORDS } from "./words";

export function MoneyCharts({ answer, totals, today }: ChartProps) {
  const sums = totals.money;
  return (
    <Card title="Money" aside="of the sessions that began, without VAT">
      {sums.length === 0 && <Empty title="No sessions began in these days" />}
      <div className={styles["stack"]}>
        {sums.map(({ currency, cost }) => (
          <MoneyChart key={currency} answer={answer} today={today} currency={currency} cost={cost} />
        ))}
      </div>
    </Card>
  );
}

function MoneyChart({
  answer: { items, period },
  today,
  currency,
  cost,
}: Omit<ChartProps, "totals"> & { currency: string; cost: string }) {
  const bars = items.map((row) => {
    const sum = row.money.find((each) => each.currency === currency)?.cost ?? "0";
    return {
      ...barNames(row, period, today),
      sizes: [Number(sum)], // how high the bar is drawn; what is said is the text
      texts: [money(sum, currency)],
    };
  });
  const said = `${money(cost, currency)} in all`;
  return (
    <StackedBars
      title={`Money in ${currency}`}
      unit={currency}
      parts={[{ label: "Cost of sessions", colour: "--chart-1" }]}
      bars={bars}
      barWord={PERIOD_WORDS[period]}
      summary={`Money in ${currency}, a bar for each ${period}: ${said}`}
      resting={said}
    />
  );
}
