// The colours are readable: every pair that is used together, in light and in dark, by WCAG 2.2's own formula.
import { expect, test } from "vitest";
import css from "../src/styles/tokens.css?raw";

const tokens = new Map(
  [...css.matchAll(/(--[\w-]+): light-dark\((#\w{6}), (#\w{6})\);/g)].map(([, name, light, dark]) => [
    name,
    { light: light ?? "", dark: dark ?? "" },
  ]),
);

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const GROUNDS = ["--background", "--surface"];
const TEXT: [string, string[]][] = [
  [
    "--ink",
    [...GROUNDS, "--sunken", "--bad-soft", "--warn-soft", "--solar-soft", "--grid-soft", "--idle-soft"],
  ],
  ["--muted", [...GROUNDS, "--sunken", "--bad-soft", "--idle-soft"]],
  ["--accent", [...GROUNDS, "--sunken", "--accent-soft"]],
  ["--accent-ink", ["--accent"]],
  ["--bad-ink", ["--bad"]],
  ...["good", "charging", "warn", "bad", "idle"].map((tone): [string, string[]] => [
    `--${tone}`,
    [...GROUNDS, `--${tone}-soft`],
  ]),
];
const MARKS: [string, string[]][] = [
  "--control-line",
  "--focus",
  "--solar",
  "--grid",
  "--unattributed",
  "--chart-1",
  "--chart-2",
  "--chart-3",
  "--chart-4",
].map((name) => [name, ["--surface"]]);

const PAIRS = [
  ...TEXT.flatMap(([name, grounds]) => grounds.map((ground) => [name, ground, 4.5] as const)),
  ...MARKS.flatMap(([name, grounds]) => grounds.map((ground) => [name, ground, 3] as const)),
].flatMap((pair) => (["light", "dark"] as const).map((theme) => [...pair, theme] as const));

test.each(PAIRS)("%s on %s has a contrast of at least %d in %s", (name, ground, least, theme) => {
  const [one, other] = [tokens.get(name), tokens.get(ground)];
  if (one === undefined || other === undefined) throw new Error(`tokens.css has no ${name} or ${ground}`);
  expect(contrast(one[theme], other[theme])).toBeGreaterThanOrEqual(least);
});
