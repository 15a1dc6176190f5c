// The parts of an energy, rounded so that what is shown of them adds up to what is shown of the whole. Pure.

/** What `energy` of format/number shows as the last digit of a value, in Wh. */
function stepOf(value_wh: number): number {
  if (value_wh < 1000) return 1;
  if (value_wh < 999_500) return 10;
  return value_wh < 9_999_500 ? 100 : 10_000;
}

/** By largest remainder. Parts that do not make up the whole are left as they are. */
export function roundedParts(whole_wh: number, parts_wh: readonly number[]): number[] {
  const step = stepOf(whole_wh);
  const floors = parts_wh.map((part) => Math.floor(part / step));
  const missing = Math.round(whole_wh / step) - floors.reduce((sum, each) => sum + each, 0);
  const byRemainder = parts_wh
    .map((part, index) => ({ index, remainder: part / step - (floors[index] ?? 0) }))
    .filter(({ remainder }) => remainder > 0)
    .sort((a, b) => b.remainder - a.remainder);
  if (missing < 0 || missing > byRemainder.length) return [...parts_wh];
  for (const { index } of byRemainder.slice(0, missing)) floors[index] = (floors[index] ?? 0) + 1;
  return floors.map((each) => each * step);
}
