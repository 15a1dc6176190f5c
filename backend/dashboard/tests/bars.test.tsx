// Charts of bars: their axis, and reading them without a pointer.
import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { levelOf } from "../src/charts/heat";
import { type Bar, StackedBars } from "../src/charts/StackedBars";
import { decimalsOf, labelEvery, ticksUpTo } from "../src/charts/scale";

const PARTS = [
  { label: "Solar", colour: "--solar" },
  { label: "Grid", colour: "--grid" },
];

function bar(day: number, solar: number | null, grid: number): Bar {
  return {
    key: `2026-11-${day}`,
    name: `${day} November`,
    tick: `${day} Nov`,
    sizes: [solar, grid],
    texts: [solar === null ? "–" : `${solar} kWh`, `${grid} kWh`],
    total: `${(solar ?? 0) + grid} kWh`,
  };
}

function chart(bars: Bar[], isHighestMarked = false) {
  return render(
    <StackedBars
      title="Energy"
      unit="kWh"
      parts={PARTS}
      bars={bars}
      barWord="Day"
      summary="Energy by day"
      resting="60 kWh in all"
      isHighestMarked={isHighestMarked}
    />,
  );
}

test("an axis ends at or above the highest value, in round steps", () => {
  expect(ticksUpTo(250)).toEqual([0, 100, 200, 300]);
  expect(ticksUpTo(200)).toEqual([0, 50, 100, 150, 200]);
  expect(ticksUpTo(0.9).at(-1)).toBeGreaterThanOrEqual(0.9);
  expect(ticksUpTo(0)).toEqual([0, 1]);
});

test("small steps get the decimals they need", () => {
  expect(decimalsOf([0, 100])).toBe(0);
  expect(decimalsOf([0, 0.5])).toBe(1);
  expect(decimalsOf([0, 0.02])).toBe(2);
});

test("labels are left out where they have no room", () => {
  expect(labelEvery(30, 620, 62)).toBe(3);
  expect(labelEvery(5, 620, 62)).toBe(1);
  expect(labelEvery(365, 30, 62)).toBe(365);
});

test("levels of heat tell nothing, little and unknown apart", () => {
  expect(levelOf(0, 0.5)).toBe(0);
  expect(levelOf(0.001, 0.5)).toBe(1);
  expect(levelOf(0.5, 0.5)).toBe(5);
  expect(levelOf(null, 0.5)).toBeNull();
});

test("keys go from bar to bar and say each in words", async () => {
  chart([bar(19, 10, 20), bar(20, 5, 5), bar(21, null, 20)]);
  expect(screen.getByText("60 kWh in all")).toBeTruthy();
  const cursor = screen.getByRole("slider", { name: "Energy, figures of a day" });
  await userEvent.tab();
  expect(document.activeElement).toBe(cursor);
  expect(screen.getByText("21 November: 20 kWh (Solar –, Grid 20 kWh)")).toBeTruthy();
  await userEvent.keyboard("{ArrowLeft}");
  expect(cursor.getAttribute("aria-valuetext")).toBe("20 November: 10 kWh (Solar 5 kWh, Grid 5 kWh)");
  await userEvent.keyboard("{Home}{ArrowLeft}");
  expect(cursor.getAttribute("aria-valuenow")).toBe("1");
  await userEvent.keyboard("{Escape}");
  expect(screen.getByText("60 kWh in all")).toBeTruthy();
});

test("all figures are there as a table", async () => {
  chart([bar(20, 10, 20), bar(21, null, 20)]);
  expect(screen.queryByRole("table")).toBeNull();
  await userEvent.click(screen.getByText("Show as table"));
  const table = await screen.findByRole("table", { name: "Energy, all figures" });
  const heads = within(table).getAllByRole("columnheader");
  expect(heads.map((head) => head.textContent)).toEqual(["Day", "Solar", "Grid", "Together"]);
  expect(within(table).getAllByRole("row")[2]?.textContent).toBe("21 November–20 kWh20 kWh");
});

test("the highest bar bears its value", () => {
  chart([bar(19, 10, 20), bar(20, 5, 40)], true);
  expect(screen.getByText("highest: 45 kWh ▼")).toBeTruthy();
});

test("without bars there is nothing to choose", () => {
  chart([]);
  expect(screen.queryByRole("slider")).toBeNull();
});
