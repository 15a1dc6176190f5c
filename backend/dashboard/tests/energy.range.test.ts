// Which days the view of energy shows, and which ones it compares them with.
import { expect, test } from "vitest";
import {
  endsToday,
  rangeBefore,
  rangeUntil,
  shifted,
  startOf,
  untilAfter,
  untilBefore,
} from "../src/views/energy/range";

const TODAY = "2026-11-21"; // a Saturday

test("weeks begin on Monday, months on the first", () => {
  expect(startOf(TODAY, "week")).toBe("2026-11-16");
  expect(startOf("2026-11-16", "week")).toBe("2026-11-16");
  expect(startOf("2026-11-15", "week")).toBe("2026-11-09");
  expect(startOf(TODAY, "month")).toBe("2026-11-01");
});

test("months are shifted over the turn of a year", () => {
  expect(shifted("2026-11-01", "month", 2)).toBe("2027-01-01");
  expect(shifted("2026-01-01", "month", -1)).toBe("2025-12-01");
});

test("a range ends with today at the latest, also within its last week", () => {
  expect(rangeUntil("2030-01-01", TODAY, "week", 2)).toMatchObject({
    date_from: "2026-11-09",
    date_to: "2026-11-22",
    day_count: 13,
  });
});

test("a range in the past has its last period whole", () => {
  expect(rangeUntil("2026-02-10", TODAY, "month", 2)).toMatchObject({
    date_from: "2026-01-01",
    date_to: "2026-03-01",
    day_count: 59,
  });
});

test("it is compared with as many days right before", () => {
  const range = rangeUntil(TODAY, TODAY, "day", 30);
  expect(range.day_count).toBe(30);
  expect(rangeBefore(range)).toEqual({ date_from: "2026-09-23", date_to: "2026-10-23" });
});

test("earlier and later meet without gap or overlap, and later ends at today", () => {
  const range = rangeUntil(TODAY, TODAY, "month", 3);
  const earlier = rangeUntil(untilBefore(range), TODAY, "month", 3);
  expect(earlier.date_to).toBe(range.date_from);
  expect(untilAfter(earlier, TODAY)).toBeNull();
  const earliest = rangeUntil(untilBefore(earlier), TODAY, "month", 3);
  expect(untilAfter(earliest, TODAY)).toBe("2026-08-31");
  expect(endsToday(range, TODAY)).toBe(true);
  expect(endsToday(earlier, TODAY)).toBe(false);
});
