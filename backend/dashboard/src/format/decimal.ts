// Exact sums of decimal text such as `160.0000`: money never passes through a float.
import type { Money } from "../api/types";

interface Decimal {
  /** The number times 10 to the power of `digits`. */
  units: bigint;
  digits: number;
}

function parsed(text: string): Decimal {
  const found = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (found === null) throw new Error(`not a decimal: ${text}`);
  const [, sign = "", whole = "0", fraction = ""] = found;
  return { units: BigInt(sign + whole + fraction), digits: fraction.length };
}

function scaled(value: Decimal, digits: number): bigint {
  return value.units * 10n ** BigInt(digits - value.digits);
}

/** The sum, with as many decimals as the longer of the two. */
export function addDecimals(one: string, other: string): string {
  const [a, b] = [parsed(one), parsed(other)];
  const digits = Math.max(a.digits, b.digits);
  const units = scaled(a, digits) + scaled(b, digits);
  const text = (units < 0n ? -units : units).toString().padStart(digits + 1, "0");
  const sign = units < 0n ? "-" : "";
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}

/** How one decimal stands to another: 1.25 for `5` and `4.00`; null where the other is zero. */
export function ratioOfDecimals(one: string, other: string): number | null {
  const [a, b] = [parsed(one), parsed(other)];
  if (b.units === 0n) return null;
  const digits = Math.max(a.digits, b.digits);
  return Number((scaled(a, digits) * 1_000_000n) / scaled(b, digits)) / 1_000_000;
}

/** Sums by currency, in the order in which the currencies first appear. Currencies are never added. */
export function sumMoney(lists: Iterable<readonly Money[]>): Money[] {
  const sums = new Map<string, string>();
  for (const list of lists)
    for (const { currency, cost } of list) sums.set(currency, addDecimals(sums.get(currency) ?? "0", cost));
  return [...sums].map(([currency, cost]) => ({ currency, cost }));
}
