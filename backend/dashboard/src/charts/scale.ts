// Where the lines of an axis are, and which of its labels have room. Pure arithmetic.

/** From 0 up to at least `highest`, in about `count` steps of 1, 2 or 5 times a power of ten. */
export function ticksUpTo(highest: number, count = 4): number[] {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((each) => each * power >= rough * 0.999) ?? 10) * power;
  const steps = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/** How many decimals the labels of these ticks need. */
export function decimalsOf(ticks: readonly number[]): number {
  const step = (ticks[1] ?? 1) - (ticks[0] ?? 0);
  return step >= 1 ? 0 : Math.min(4, Math.ceil(-Math.log10(step) - 1e-9));
}

/** Every how many bars a label fits that is `label_px` wide. */
export function labelEvery(barCount: number, width_px: number, label_px: number): number {
  const fitting = Math.max(1, Math.floor(width_px / label_px));
  return Math.max(1, Math.ceil(barCount / fitting));
}
