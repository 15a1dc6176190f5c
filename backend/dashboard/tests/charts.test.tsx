// The charts over time: what they are built of, what they say, in which zone.
import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import { TimeChart } from "../src/charts/TimeChart";
import { decimalsOf, isolatedPoints, newestAt, paddedRange, timeLabels } from "../src/charts/TimeChartText";
import { FakePlot } from "./uplot";

const NOON_S = Date.parse("2026-11-21T17:00:00Z") / 1000; // 12:00 in Jamaica

function chart(values: (number | null | undefined)[], onZoom?: (from_s: number, to_s: number) => void) {
  return (
    <TimeChart
      title="Power"
      unit="kW"
      digits={1}
      zone="America/Jamaica"
      times_s={values.map((_, index) => NOON_S + index)}
      lines={[{ label: "Power", colour: "--chart-1", values }]}
      {...(onZoom === undefined ? {} : { onZoom })}
    />
  );
}

test("readings that come are given to the chart there is; it is not built anew", () => {
  const { rerender } = render(chart([1]));
  for (let count = 2; count <= 60; count += 1) rerender(chart(Array(count).fill(1)));
  expect(FakePlot.built).toHaveLength(1);
  expect(FakePlot.built[0]?.data[0]).toHaveLength(60);
});

test("a chart is taken down with its component", () => {
  render(chart([1])).unmount();
  expect(FakePlot.built[0]?.isDestroyed).toBe(true);
});

test("what a chart shows is said in words, in the site's zone", () => {
  render(chart([1, null, 5.5, undefined]));
  const said = screen.getByRole("img").getAttribute("aria-label");
  expect(said).toMatch(
    /^Power, .*12:00:00.*(GMT-5|EST) to .*12:00:03.*: Power from 1.0 to 5.5 kW, last 5.5 kW$/,
  );
});

test("dragging over a range asks for it, a click does not", () => {
  const asked: number[][] = [];
  render(chart([1, 2, 3], (from_s, to_s) => asked.push([from_s, to_s])));
  const select = (left: number, width: number) => {
    const plot = { select: { left, width }, posToVal: (px: number) => NOON_S + px, setSelect() {} };
    // biome-ignore lint/suspicious/noExplicitAny: as much of uPlot as is needed
    FakePlot.built[0]?.options.hooks?.setSelect?.[0]?.(plot as any);
  };
  select(10, 2);
  expect(asked).toEqual([]);
  select(10, 20);
  expect(asked).toEqual([[NOON_S + 10, NOON_S + 30]]);
});

test("ticks are named in the site's zone, with the day where it begins", () => {
  const labels = timeLabels([NOON_S, NOON_S + 600, NOON_S + 43_200], 600, "America/Jamaica");
  expect(labels[0]).toMatch(/^12:00.*\n.*21/s);
  expect(labels[1]).toMatch(/^12:10[^\n]*$/);
  expect(labels[2]).toMatch(/\n.*22/s);
});

test("what is filled stands on zero; what is not may begin where its values are", () => {
  expect(paddedRange(5, 6, true)[0]).toBe(0);
  expect(paddedRange(225, 235, false)[0]).toBeGreaterThan(200);
  expect(paddedRange(-5, 6, true)[0]).toBeLessThan(-5);
  expect(paddedRange(null, null, true)).toEqual([0, 1]);
});

test("ticks have as many decimals as tell them apart", () => {
  expect(decimalsOf([0, 5])).toBe(0);
  expect(decimalsOf([1, 1.5])).toBe(1);
  expect(decimalsOf([5.14, 5.145])).toBe(3);
});

test("a value between two gaps is drawn as a point", () => {
  expect(isolatedPoints([1, null, 2, undefined, null, 3, 4, null, 5])).toEqual([0, 2, 8]);
});

test("the cursor reads the last value said, but none across a gap", () => {
  expect(newestAt([1, undefined, undefined], 2)).toBe(1);
  expect(newestAt([1, null, undefined], 2)).toBeNull();
  expect(newestAt([1, 2], null)).toBe(2);
});
