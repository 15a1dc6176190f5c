// Which stations the overview shows and in which order, what state each is in, and what is counted.
import { expect, test } from "vitest";
import { Picture } from "../src/live/picture";
import type { LiveConnector } from "../src/live/protocol";
import { filtersOf, toggled } from "../src/views/overview/address";
import { arranged, byName, counted, liveTotals, matching } from "../src/views/overview/arrangement";
import { columnsOf } from "../src/views/overview/layout";
import { isSilent, newestOf, placesOf, stateOfPlace } from "../src/views/overview/places";
import { toldOf } from "../src/views/overview/reading";
import { evse, live, registered, session } from "./overview.fixtures";

function picture(...updates: LiveConnector[]): Picture {
  const made = new Picture();
  made.replace({ type: "snapshot", updates });
  return made;
}

const uids = (places: readonly { evseUid: string }[]) => places.map((place) => place.evseUid);

test("every connector of the register and of the picture has a place, each once", () => {
  const now = picture(live("CP-2", { connector_id: 2 }), live("CP-2"), live("new"));
  const places = placesOf([evse("CP-1"), evse("CP-2", { connectors: [registered(1)] })], now);
  expect(places.map(({ key, isOneOfSeveral }) => [key, isOneOfSeveral])).toEqual([
    ["CP-1 1", false],
    ["CP-2 1", true],
    ["CP-2 2", true],
    ["new 1", false],
  ]);
});

test.each([
  ["what it says counts", evse("CP-1"), live("CP-1", { status: "faulted" }), "faulted"],
  [
    "offline goes before what it said last",
    evse("CP-1"),
    live("CP-1", { is_online: false, status: "charging" }),
    "offline",
  ],
  [
    "disabled goes before everything",
    evse("CP-1", { is_enabled: false }),
    live("CP-1", { is_online: false }),
    "disabled",
  ],
  [
    "who never said a word is not offline",
    evse("CP-1", { is_online: false, online_changed_at: null }),
    undefined,
    "unseen",
  ],
  ["who was there once is offline", evse("CP-1", { is_online: false }), undefined, "offline"],
  ["online without a reading is not known", evse("CP-1"), undefined, "unknown"],
])("the state of a place: %s", (_, station, said, state) => {
  const [place] = placesOf([station], new Picture());
  if (place === undefined) throw new Error("no place");
  expect(stateOfPlace(place, newestOf(place, said))).toBe(state);
});

test("by state, faults and offline come first, and names decide within a state", () => {
  const now = picture(
    live("CP-10"),
    live("CP-9"),
    live("CP-3", { status: "charging" }),
    live("CP-2", { is_online: false }),
    live("CP-7", { status: "faulted" }),
  );
  const places = byName(placesOf([], now));
  expect(uids(arranged(places, now, { groups: [], order: "state" }))).toEqual([
    "CP-7",
    "CP-2",
    "CP-3",
    "CP-9",
    "CP-10",
  ]);
});

test("by power the highest comes first, and whose power nobody knows comes last", () => {
  const now = picture(
    live("a", { power_w: null }),
    live("b", { power_w: 10 }),
    live("c", { power_w: 7000 }),
    live("d", { power_w: 9000, is_online: false }),
  );
  expect(uids(arranged(byName(placesOf([], now)), now, { groups: [], order: "power" }))).toEqual([
    "c",
    "b",
    "a",
    "d",
  ]);
});

test("by last seen the longest silent comes first, and a few seconds change no order", () => {
  const now = picture(
    live("a", { received_at: "2026-11-21T07:00:04Z" }),
    live("b", { received_at: "2026-11-21T07:00:01Z" }),
    live("c", { received_at: "2026-11-21T05:00:00Z" }),
  );
  expect(uids(arranged(byName(placesOf([], now)), now, { groups: [], order: "seen" }))).toEqual([
    "c",
    "a",
    "b",
  ]);
});

test("a search finds names, uids, vendors and models; every word of it must fit", () => {
  const places = placesOf(
    [
      evse("CP-1", { name: "Car park, left" }),
      evse("CP-2", { vendor: "SolarRally", model: "SR-7", site_id: 2 }),
    ],
    new Picture(),
  );
  const found = (text: string, siteId: number | null = null) => uids(matching(places, { text, siteId }));
  expect(found("left park")).toEqual(["CP-1"]);
  expect(found("sr-7")).toEqual(["CP-2"]);
  expect(found("cp-")).toEqual(["CP-1", "CP-2"]);
  expect(found("cp- solarrally left")).toEqual([]);
  expect(found("", 2)).toEqual(["CP-2"]);
});

test("states are counted in groups, a word that is new to us as unavailable", () => {
  const now = picture(
    live("a", { status: "preparing" }),
    live("b", { status: "finishing" }),
    live("c", { status: "sleeping" }),
  );
  expect(Object.fromEntries(counted(placesOf([], now), now))).toEqual({ occupied: 2, unavailable: 1 });
});

test("the power now is of those online; without any word it is not known", () => {
  const now = picture(
    live("a", { power_w: 7000, session: session() }),
    live("b", { power_w: 500, site_id: 2 }),
    live("c", { power_w: 9000, is_online: false }),
  );
  expect(liveTotals(now, null)).toEqual({ power_w: 7500, sessionCount: 1 });
  expect(liveTotals(now, 2)).toEqual({ power_w: 500, sessionCount: 0 });
  expect(liveTotals(new Picture(), null)).toEqual({ power_w: null, sessionCount: null });
});

test("what an offline station measures now is not known, what its session has got so far is", () => {
  const [place] = placesOf([evse("CP-1")], new Picture());
  if (place === undefined) throw new Error("no place");
  const told = toldOf(
    place,
    live("CP-1", { is_online: false, power_w: 7000, energy_source: "solar", session: session() }),
  );
  expect(told).toMatchObject({ power: "–", powerShare: null, temperature: "–", source: null });
  expect(told.sessionEnergy).toBe("7.20\u00a0kWh");
});

test("online and without a word for more than a minute is silent; offline is not called so", () => {
  const nowMs = Date.parse("2026-11-21T07:01:01Z");
  expect(isSilent(live("a"), nowMs)).toBe(true);
  expect(isSilent(live("a"), nowMs - 2000)).toBe(false);
  expect(isSilent(live("a", { is_online: false }), nowMs)).toBe(false);
});

test("an address that makes no sense asks for everything", () => {
  const filters = filtersOf(new URLSearchParams("state=nonsense&site=x&sort=luck&q=%20"));
  expect(filters).toEqual({ text: "", groups: [], siteId: null, order: "state" });
});

test("a state that is clicked twice is as before", () => {
  expect(toggled(["faulted"], "offline")).toBe("faulted,offline");
  expect(toggled(["faulted", "offline"], "offline")).toBe("faulted");
});

test("tiles fill the width, and there is one even where it is narrow", () => {
  expect(columnsOf({ width_px: 200, rem_px: 15 })).toMatchObject({ count: 1, width_px: 200 });
  const { count, width_px, gap_px } = columnsOf({ width_px: 1018, rem_px: 15 });
  expect(count).toBe(4);
  expect(count * width_px + (count - 1) * gap_px).toBeCloseTo(1018);
});
