// Sums over periods, what has changed, and the file that is made of them.
import { expect, test } from "vitest";
import { csvOf, periodsCsv } from "../src/views/energy/csv";
import { byGroup, changeOf, moneyChangeOf, totalsOf } from "../src/views/energy/totals";
import { changeText, pointsText } from "../src/views/energy/words";
import { periodRow } from "./energyRows";

const ROWS = [
  periodRow("2026-11-20", "2026-11-21", {
    energy_wh: 3000,
    energy_solar_wh: 1000,
    energy_grid_wh: 2000,
    utilisation: 0.1,
    peak_quarter_power_w: 900,
    session_count: 2,
    money: [{ currency: "JMD", cost: "0.1000" }],
  }),
  periodRow("2026-11-21", "2026-11-22", {
    energy_wh: 1000,
    energy_solar_wh: 1000,
    utilisation: 0.4,
    peak_quarter_power_w: 500,
    session_count: 1,
    money: [{ currency: "JMD", cost: "0.2000" }],
  }),
];

test("shares are made of the sums, not of the shares", () => {
  expect(totalsOf(ROWS, "2026-11-22T00:00").solar_share).toBe(0.5);
});

test("without energy there is no solar share", () => {
  expect(totalsOf([periodRow("2026-11-20", "2026-11-21")], "2026-11-22T00:00").solar_share).toBeNull();
});

test("a day that is half over counts half in the utilisation", () => {
  expect(totalsOf(ROWS, "2026-11-21T12:00").utilisation).toBeCloseTo((0.1 + 0.4 / 2) / 1.5, 10);
  expect(totalsOf(ROWS, "2026-11-22T00:00").utilisation).toBeCloseTo(0.25, 10);
});

test("the peak is the highest of the periods, and says which", () => {
  expect(totalsOf(ROWS, "2026-11-22T00:00")).toMatchObject({
    peak_quarter_power_w: 900,
    peak_period_start: "2026-11-20",
  });
});

test("a change against nothing is unknown", () => {
  expect(changeOf(5, 0)).toBeNull();
  expect(moneyChangeOf("5", undefined)).toBeNull();
  expect(moneyChangeOf("5", "0.00")).toBeNull();
  expect(changeText(null)).toBe("change unknown");
});

test("changes say more or less, and shares change by points", () => {
  expect(changeText(changeOf(112, 100))).toBe("+12\u00a0%");
  expect(changeText(changeOf(97, 100))).toBe("−3\u00a0%");
  expect(changeText(changeOf(1001, 1000))).toBe("no change");
  expect(pointsText(0.43, 0.4)).toBe("+3 points");
  expect(pointsText(0.021, 0.025, 1)).toBe("−0.4 points");
});

test("groups are added up over their periods, most energy first", () => {
  const rows = ["b", "a", "c"].flatMap((evse_uid, at) =>
    ROWS.map((row) => ({ ...row, evse_uid, energy_wh: row.energy_wh * (at + 1) })),
  );
  const groups = byGroup(rows, (row) => row.evse_uid, "2026-11-22T00:00");
  expect(groups.map(({ group, totals }) => [group, totals.energy_wh])).toEqual([
    ["c", 12000],
    ["a", 8000],
    ["b", 4000],
  ]);
});

test("the CSV has a column for each currency and money as it came", () => {
  const [head, first] = periodsCsv(ROWS).split("\r\n");
  expect(head).toContain("energy_wh,energy_solar_wh");
  expect(head?.split(",")).toContain("cost_JMD");
  expect(first).toContain("2026-11-20,2026-11-20,2026-11-21,3000,1000,2000,0,2,0.1000,");
});

test("the CSV hands no formula to a spreadsheet, and quotes what must be quoted", () => {
  expect(
    csvOf(
      ["uid", "cost"],
      [
        ["=1+1", "-2.50"],
        ['a,"b"', null],
      ],
    ),
  ).toBe('uid,cost\r\n\'=1+1,-2.50\r\n"a,""b""",\r\n');
});
