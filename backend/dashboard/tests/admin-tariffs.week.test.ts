// Which time of day of a tariff counts when: the first that holds.
import { expect, test } from "vitest";
import { daysText } from "../src/views/admin/TariffFacts";
import { draftOfTariff, isComplete, movedUp, pricesAsked, withElement } from "../src/views/admin/tariffDraft";
import { remarksOn, weekOf } from "../src/views/admin/weekOfTariff";

const WORKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
const evening = { day_of_week: WORKDAYS, start_time: "17:00", end_time: "21:00" };

test("without times of day the base prices hold the whole week", () => {
  const week = weekOf([]);
  expect(week.base_quarters).toBe(672);
  expect(remarksOn(week).map((each) => each.text)).toEqual(["The base prices hold the whole week."]);
});

test("an end that is not after the start is on the next day, also from Sunday to Monday", () => {
  const week = weekOf([{ day_of_week: ["SUNDAY"], start_time: "22:00", end_time: "06:15" }]);
  expect(week.days[6]?.at(-1)).toEqual({ index: 0, from_quarter: 88, to_quarter: 96 });
  expect(week.days[0]?.[0]).toEqual({ index: 0, from_quarter: 0, to_quarter: 25 });
  expect(week.counts).toEqual([33]);
});

test("24:00 and 00:00 both end the day", () => {
  for (const end_time of ["24:00", "00:00"])
    expect(weekOf([{ day_of_week: [], start_time: "00:00", end_time }]).base_quarters).toBe(0);
});

test("where two overlap the first counts, and the overlap is said", () => {
  const week = weekOf([evening, { day_of_week: [], start_time: "20:00", end_time: "22:00" }]);
  expect(week.counts).toEqual([80, 36]);
  expect(remarksOn(week)[0]).toEqual({
    text: "Times 1 and 2 overlap for 5\u00a0h a week: 1 counts there, as the first.",
    isDoubtful: true,
  });
});

test("a time of day that never counts is said", () => {
  const week = weekOf([{ ...evening, day_of_week: [] }, evening]);
  expect(remarksOn(week)[0]?.text).toBe("Time 2 never counts: those before it cover all of it.");
});

test("a time that is not typed in full yet covers nothing", () => {
  expect(weekOf([{ day_of_week: [], start_time: "", end_time: "21:00" }]).base_quarters).toBe(672);
});

test("days in a row are a span, others a list", () => {
  expect(daysText(WORKDAYS)).toBe("Mon–Fri");
  expect(daysText(["SATURDAY", "SUNDAY"])).toBe("Sat, Sun");
  expect(daysText([])).toBe("Every day");
});

test("prices stay the text that was typed, and rows keep their order", () => {
  const one = { ...draftOfTariff(undefined), price_solar_per_kwh: "10", price_grid_per_kwh: "0.1000" };
  const draft = withElement(withElement(one));
  const [first, second] = draft.elements;
  expect(movedUp(draft.elements, 1)).toEqual([second, first]);
  expect(pricesAsked(draft)).toEqual({
    price_solar_per_kwh: "10",
    price_grid_per_kwh: "0.1000",
    vat_percent: "0",
    elements: Array.from({ length: 2 }, () => ({
      day_of_week: [],
      start_time: "17:00",
      end_time: "21:00",
      price_solar_per_kwh: "10",
      price_grid_per_kwh: "0.1000",
    })),
  });
  expect(isComplete(draft)).toBe(true);
  expect(isComplete({ ...draft, price_grid_per_kwh: "1,000" })).toBe(false);
  expect(isComplete({ ...draft, vat_percent: "101" })).toBe(false);
});

test("a price is prefilled as somebody would type it, without losing a fraction of a cent", () => {
  const prices = (price_solar_per_kwh: string, price_grid_per_kwh: string) =>
    draftOfTariff({ price_solar_per_kwh, price_grid_per_kwh, vat_percent: "15.00", elements: [] } as never);
  expect(prices("5.0000", "5.1250")).toMatchObject({
    price_solar_per_kwh: "5.00",
    price_grid_per_kwh: "5.125",
  });
  expect(prices("100.1234", "0.5000")).toMatchObject({
    price_solar_per_kwh: "100.1234",
    price_grid_per_kwh: "0.50",
  });
});
