// The rules behind the sessions that need no page: ranges, filters, VAT, curves, exports.
import { describe, expect, test } from "vitest";
import type { User } from "../src/api/types";
import type { LiveSession } from "../src/live/protocol";
import { dayRangeOf, instantsOf } from "../src/ui/RangeFilterDays";
import { evenly, ofLive, ofReading, type Sample, sourceOf, withGaps } from "../src/views/sessions/curves";
import { exportOf, leftOut } from "../src/views/sessions/exports";
import { filtersOf, isAskedFor } from "../src/views/sessions/filters";
import { inclVat } from "../src/views/sessions/vat";
import { liveSession, session } from "./sessionsData";

const search = (text: string) => new URLSearchParams(text);
const TODAY = "2026-03-01";

describe("a range of days", () => {
  test.each([
    ["range=today", "2026-03-01", "2026-03-01"],
    ["range=yesterday", "2026-02-28", "2026-02-28"],
    ["range=7d", "2026-02-23", "2026-03-01"],
    ["range=30d", "2026-01-31", "2026-03-01"],
    ["range=month", "2026-03-01", "2026-03-01"],
    ["range=last_month", "2026-02-01", "2026-02-28"],
    ["range=custom&from=2026-01-05&to=2026-01-07", "2026-01-05", "2026-01-07"],
    ["", "2026-02-23", "2026-03-01"],
    ["range=nonsense", "2026-02-23", "2026-03-01"],
  ])("%s is from %s to %s", (text, first, last) => {
    expect(dayRangeOf(search(text), TODAY, "7d")).toMatchObject({ first, last });
  });

  test("its days may be given the wrong way round", () => {
    const range = dayRangeOf(search("range=custom&from=2026-02-09&to=2026-02-01"), TODAY, "7d");
    expect(range).toEqual({ preset: "custom", first: "2026-02-01", last: "2026-02-09" });
  });

  test("with a day that cannot be, it is the usual one", () => {
    const range = dayRangeOf(search("range=custom&from=0002-02-09&to=2026-02-01"), TODAY, "today");
    expect(range).toEqual({ preset: "custom", first: TODAY, last: TODAY });
  });

  test("a day on which the clocks change has 23 hours", () => {
    const range = { preset: "today", first: "2026-03-29", last: "2026-03-29" } as const;
    expect(instantsOf(range, "Europe/Zurich")).toEqual({
      date_from: "2026-03-28T23:00:00.000Z",
      date_to: "2026-03-29T22:00:00.000Z",
    });
  });
});

describe("the filters in the address", () => {
  test("become the API's, energy in Wh", () => {
    const asked = "site=2&station=CP-1&status=ACTIVE&token=TAG1&user=4&min_kwh=1.5";
    expect(filtersOf(search(asked))).toEqual({
      site_id: 2,
      evse_uid: "CP-1",
      status: ["ACTIVE"],
      id_token: "TAG1",
      user_id: 4,
      energy_min_wh: 1500,
    });
  });

  test("what makes no sense is not asked for", () => {
    expect(filtersOf(search("site=x&status=GONE&user=-1&min_kwh=much"))).toEqual({});
  });

  test.each<[string, Partial<LiveSession>, string, boolean]>([
    ["every new one", {}, "", true],
    ["not one of another site", {}, "site=9", false],
    ["not one of another station", {}, "station=CP-9", false],
    ["not one of another driver", { id_token: "TAG9" }, "token=TAG1", false],
    ["not a running one among ended ones", {}, "status=COMPLETED", false],
    ["not one that has ended", { status: "COMPLETED" }, "", false],
    ["not one with less energy", { energy_wh: 10 }, "min_kwh=1", false],
    ["not one before the range", { started_at: "2026-11-21T04:59:59Z" }, "", false],
    ["not one after the range", { started_at: "2026-11-22T05:00:00Z" }, "", false],
  ])("decide which new sessions belong to the list: %s", (_, live, text, expected) => {
    const days = { date_from: "2026-11-21T05:00:00.000Z", date_to: "2026-11-22T05:00:00.000Z" };
    expect(isAskedFor(liveSession(live), 1, { ...filtersOf(search(text)), ...days })).toBe(expected);
  });
});

describe("money with VAT", () => {
  test.each([
    ["160.0000", "15.00", "JMD", "184.0000"],
    ["0.1000", "7.70", "CHF", "0.1100"], // 0.0077 of VAT is a cent
    ["0.0300", "50.00", "EUR", "0.0500"], // half a cent is rounded up
    ["90071992547409.9300", "10.00", "JMD", "99079191802150.9200"], // no float has these digits
    ["1050", "10", "JPY", "1155"],
    ["6.3900", "0.00", "JMD", "6.3900"],
  ])("%s with %s %% in %s is %s", (amount, percent, currency, expected) => {
    expect(inclVat(amount, percent, currency)).toBe(expected);
  });
});

describe("the curves", () => {
  const at = (ts_s: number): Sample =>
    ofReading({ ts: new Date(ts_s * 1000).toISOString(), power_w: 1 } as Parameters<typeof ofReading>[0]);

  test("end where readings are missing, and go on after", () => {
    const drawn = withGaps([0, 10, 20, 300, 310].map(at));
    expect(drawn.map((each) => [each.ts_s, each.power_w])).toEqual([
      [0, 1],
      [10, 1],
      [20, 1],
      [30, null],
      [300, 1],
      [310, 1],
    ]);
  });

  test("are in order and have one point for each instant", () => {
    expect(withGaps([20, 10, 10].map(at)).map((each) => each.ts_s)).toEqual([10, 20]);
  });

  test("do not go on with the readings of the next session", () => {
    const update = { evse_uid: "CP-1", site_id: 1, connector_id: 1, is_online: true, status: "charging" };
    const connector = { ...update, ts: "2026-11-21T15:00:00Z", power_w: 5, session: liveSession() };
    expect(ofLive(connector, session().id)?.power_w).toBe(5);
    expect(ofLive(connector, "another")).toBeNull();
  });

  test("of long sessions are averages for who may read telemetry, and readings for a driver", () => {
    const long = session({ reading_count: 50_000, last_reading_at: "2026-11-21T23:00:00Z" });
    expect(sourceOf(long, true)).toBe("1min");
    expect(sourceOf({ ...long, last_reading_at: "2026-11-25T23:00:00Z" }, true)).toBe("15min");
    expect(sourceOf({ ...long, last_reading_at: "2027-01-25T23:00:00Z" }, true)).toBe("1h");
    expect(sourceOf(long, false)).toBe("readings");
  });

  test("as a table are thinned out evenly, with the last one", () => {
    expect(evenly([0, 1, 2, 3, 4, 5], 3)).toEqual({ shown: [0, 2, 4, 5], every: 2 });
  });
});

describe("an export", () => {
  const selection = {
    date_from: "a",
    date_to: "b",
    status: ["ACTIVE" as const],
    energy_min_wh: 5,
    user_id: 4,
  };
  const driver = { id: 4, id_token: "TAG4" } as User;

  test("is asked for with the filters it knows, a user by the token", () => {
    expect(exportOf("sessions", selection, driver)).toEqual({
      path: "/api/v1/exports/sessions",
      query: {
        date_from: "a",
        date_to: "b",
        status: ["ACTIVE"],
        id_token: "TAG4",
        site_id: undefined,
        evse_uid: undefined,
      },
    });
  });

  test("says which filters it cannot keep", () => {
    expect(leftOut("sessions", selection, driver)).toEqual(["least energy"]);
    expect(leftOut("sessions", selection, undefined)).toEqual(["user", "least energy"]);
    expect(leftOut("readings", selection, driver)).toEqual(["state", "the driver's token", "least energy"]);
  });
});
