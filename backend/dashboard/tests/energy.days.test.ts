// Which day it is where the sites are.
import { expect, test } from "vitest";
import { daysOf } from "../src/views/energy/days";

const NOW_MS = Date.parse("2026-11-21T16:20:00Z"); // the 22nd in Tokyo

test("today is the day of the site that is furthest ahead, and the day before is open where others are", () => {
  expect(daysOf(["America/Jamaica", "Asia/Tokyo"], NOW_MS, "Europe/Zurich")).toEqual({
    zone: "Europe/Zurich",
    today: "2026-11-22",
    openDay: "2026-11-21",
    now: "2026-11-22T01:20",
  });
});

test("sites of one zone have its day, whoever looks", () => {
  const days = daysOf(["America/Jamaica", "America/Jamaica"], NOW_MS, "Asia/Tokyo");
  expect(days).toMatchObject({ zone: "America/Jamaica", today: "2026-11-21", openDay: "2026-11-21" });
});

test("where no site is known the reader's day counts", () => {
  expect(daysOf([], NOW_MS, "Asia/Tokyo")).toMatchObject({ zone: "Asia/Tokyo", today: "2026-11-22" });
});
