// Money is decimal text from the API to the screen: never a float in between.
import { UNKNOWN } from "./number";

const cache = new Map<string, Intl.NumberFormat>();

/** An amount in its currency, rounded to what the currency has: `money("160.0000", "JMD")`. */
export function money(amount: string | null | undefined, currency: string): string {
  if (amount === null || amount === undefined) return UNKNOWN;
  return formatter(currency).format(amount as Intl.StringNumericLiteral);
}

/** A price of a kWh, with up to four decimals: a fraction of a cent counts in a price. */
export function pricePerKwh(amount: string | null | undefined, currency: string): string {
  if (amount === null || amount === undefined) return UNKNOWN;
  return `${formatter(currency, 4).format(amount as Intl.StringNumericLiteral)}/kWh`;
}

/** Sums of different currencies stand side by side: they are never added. */
export function moneys(sums: readonly { currency: string; cost: string }[]): string {
  return sums.length === 0 ? UNKNOWN : sums.map((sum) => money(sum.cost, sum.currency)).join(" + ");
}

function formatter(currency: string, maximumFractionDigits?: number): Intl.NumberFormat {
  const key = `${currency} ${maximumFractionDigits}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(undefined, {
      style: "currency",
      currency,
      currencyDisplay: "code",
      ...(maximumFractionDigits === undefined ? {} : { maximumFractionDigits }),
    });
    cache.set(key, found);
  }
  return found;
}
