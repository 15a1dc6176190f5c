// Numbers for people: in the reader's own language, with the unit, "–" for what nobody said.

export const UNKNOWN = "–";

type Maybe = number | null | undefined;

const cache = new Map<string, Intl.NumberFormat>();

function formatter(digits: number): Intl.NumberFormat {
  const key = String(digits);
  let found = cache.get(key);
  if (found === undefined) {
    found = new Intl.NumberFormat(undefined, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    cache.set(key, found);
  }
  return found;
}

/** A number with exactly so many decimals. */
export function number(value: Maybe, digits = 0): string {
  return value === null || value === undefined || !Number.isFinite(value)
    ? UNKNOWN
    : formatter(digits).format(value);
}

/** A value with its unit behind a no-break space. */
export function quantity(value: Maybe, unit: string, digits = 0): string {
  const text = number(value, digits);
  return text === UNKNOWN ? UNKNOWN : `${text}\u00a0${unit}`;
}

/** Power: W below 1 kW, else kW; always so wide that a tile does not jump about. */
export function power(value_w: Maybe): string {
  if (value_w === null || value_w === undefined) return UNKNOWN;
  const size = Math.abs(value_w);
  if (size < 1000) return quantity(value_w, "W");
  if (size < 999_950) return quantity(value_w / 1000, "kW", size < 99_950 ? 2 : 1);
  return quantity(value_w / 1e6, "MW", 2);
}

/** Energy: Wh below 1 kWh, then kWh, then MWh. */
export function energy(value_wh: Maybe): string {
  if (value_wh === null || value_wh === undefined) return UNKNOWN;
  const size = Math.abs(value_wh);
  if (size < 1000) return quantity(value_wh, "Wh");
  if (size < 9_999_500) return quantity(value_wh / 1000, "kWh", size < 999_500 ? 2 : 1);
  return quantity(value_wh / 1e6, "MWh", 2);
}

/** A share, 0 to 1, in percent. */
export function share(value: Maybe, digits = 0): string {
  return value === null || value === undefined ? UNKNOWN : quantity(value * 100, "%", digits);
}

/** A size in bytes. */
export function bytes(value_bytes: Maybe): string {
  if (value_bytes === null || value_bytes === undefined) return UNKNOWN;
  if (value_bytes < 1024) return quantity(value_bytes, "B");
  if (value_bytes < 1024 ** 2) return quantity(value_bytes / 1024, "KiB", 1);
  return quantity(value_bytes / 1024 ** 2, "MiB", 1);
}
