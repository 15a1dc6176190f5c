// What the sessions cost that began in each period: one currency at a time, for currencies are never added.
import { StackedBars } from "../../charts/StackedBars";
import { money } from "../../format/money";
import { Card } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { Choice } from "../../ui/Tabs";
import type { ChartProps } from "./chartProps";
import type { Chosen } from "./choice";
import { barNames, PERIOD_WORDS } from "./words";

export function MoneyCharts({ answer, totals, openDay, chosen }: ChartProps & { chosen: Chosen }) {
  const sums = totals.money;
  const wanted = chosen.search.get("currency");
  const [first] = sums;
  const sum = sums.find((each) => each.currency === wanted) ?? first;
  return (
    <Card
      title="Money"
      aside="of the sessions that began, without VAT"
      actions={
        sum !== undefined &&
        sums.length > 1 && (
          <Choice
            label="Currency"
            choices={sums.map(({ currency }) => [currency, currency] as const)}
            value={sum.currency}
            onChange={(currency) =>
              chosen.change({ currency: currency === first?.currency ? null : currency })
            }
          />
        )
      }
    >
      {sum === undefined ? (
        <Empty title="No sessions began in these days" />
      ) : (
        <MoneyChart answer={answer} openDay={openDay} currency={sum.currency} cost={sum.cost} />
      )}
    </Card>
  );
}

function MoneyChart({
  answer: { items, period },
  openDay,
  currency,
  cost,
}: Omit<ChartProps, "totals"> & { currency: string; cost: string }) {
  const bars = items.map((row) => {
    const sum = row.money.find((each) => each.currency === currency)?.cost ?? "0";
    return {
      ...barNames(row, period, openDay),
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
