// What an amount is with VAT. Exact: money is never a float.
import { quantity } from "../../format/number";

/** `inclVat("6.39", "15.00", "JMD")`: VAT is rounded half up to the currency's minor unit, as on a bill. */
export function inclVat(amount: string, vatPercent: string, currency: string): string {
  const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions()
    .maximumFractionDigits;
  const minorDigits = digits ?? 2;
  const scale = Math.max(minorDigits, decimalsOf(amount));
  const total = scaled(amount, scale);
  const percentDigits = decimalsOf(vatPercent);
  // In units of 10^-(scale + percentDigits + 2), then rounded to the minor unit.
  const vat = total * scaled(vatPercent, percentDigits);
  const unit = 10n ** BigInt(scale - minorDigits + percentDigits + 2);
  const vatMinor = (2n * vat + unit) / (2n * unit);
  return asText(total + vatMinor * 10n ** BigInt(scale - minorDigits), scale);
}

/** A rate of VAT, such as `15.00`, with the decimals that it needs. */
export function percent(text: string): string {
  return quantity(Number(text), "%", /\.0*$/.test(text) ? 0 : 2);
}

function decimalsOf(decimal: string): number {
  return decimal.split(".")[1]?.length ?? 0;
}

function scaled(decimal: string, digits: number): bigint {
  const [whole = "0", part = ""] = decimal.split(".");
  return BigInt(whole + part.padEnd(digits, "0"));
}

function asText(value: bigint, digits: number): string {
  const text = value.toString().padStart(digits + 1, "0");
  return digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
