// Every place, the ones that the address asks for in their order, and the counts: at most twice a second.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { useEvses } from "../../api/queries";
import { usePictureFigure } from "../../live/hooks";
import type { Picture } from "../../live/picture";
import { useServices } from "../../services";
import type { Filters } from "./address";
import { arranged, byName, counted, matching } from "./arrangement";
import { type Place, placesOf } from "./places";

const membershipOf = (picture: Picture) => picture.membershipVersion;

/** Power changes all the time: an order by it may change this often. */
const RESTLESS_MS = 2000;
const CALM_MS = 500;
/** What others change in the register is seen so soon. A thousand stations are two answers. */
const REGISTER_MS = 10_000;

/** All places in the order of their names, and how the asking of the register went. */
export function useAllPlaces(): {
  places: readonly Place[];
  /** Nothing of the register has come so far. */
  isRegisterMissing: boolean;
  isPending: boolean;
  error: Error | null;
  retry: () => void;
} {
  const { picture } = useServices();
  const { data, isPending, error, refetch } = useEvses(REGISTER_MS);
  const queries = useQueryClient();
  const membership = usePictureFigure(membershipOf);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the picture is one object; its membership changes
  const places = useMemo(() => byName(placesOf(data ?? [], picture)), [data, picture, membership]);

  const newcomers = data === undefined ? 0 : places.filter((place) => place.evse === undefined).length;
  useEffect(() => {
    // A station registers itself by its first message: its name and maximum are in the register by now.
    if (newcomers > 0) void queries.invalidateQueries({ queryKey: ["evses"] });
  }, [newcomers, queries]);

  return { places, isRegisterMissing: data === undefined, isPending, error, retry: () => void refetch() };
}

/** Those of the site and of the search, whatever their state. */
export function useMatching(places: readonly Place[], { text, siteId }: Filters): readonly Place[] {
  return useMemo(() => matching(places, { text, siteId }), [places, text, siteId]);
}

/** The same array for as long as nothing has changed places. */
export function useArranged(places: readonly Place[], { groups, order }: Filters): readonly Place[] {
  const asked = groups.join(",");
  const compute = useMemo(() => {
    const filters = { groups: asked === "" ? [] : asked.split(","), order };
    return steady((picture: Picture) => arranged(places, picture, filters), isSameList);
  }, [places, asked, order]);
  return useFigureAtOnce(compute, order === "power" || order === "seen" ? RESTLESS_MS : CALM_MS);
}

export function useCounts(places: readonly Place[]): ReadonlyMap<string, number> {
  const compute = useMemo(() => steady((picture: Picture) => counted(places, picture), isSameMap), [places]);
  return useFigureAtOnce(compute, CALM_MS);
}

/** As `usePictureFigure`, but a question that changes is answered in the same drawing: no old answer flashes up. */
function useFigureAtOnce<T>(compute: (picture: Picture) => T, everyMs: number): T {
  const { picture } = useServices();
  const figure = usePictureFigure(compute, everyMs);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the picture is one object; the figure tells that it changed
  return useMemo(() => compute(picture), [compute, picture, figure]);
}

/** Gives the object of the time before when the new one says the same, so that nothing is drawn again. */
function steady<T>(
  compute: (picture: Picture) => T,
  isSame: (a: T, b: T) => boolean,
): (picture: Picture) => T {
  let last: T | undefined;
  return (picture) => {
    const next = compute(picture);
    if (last === undefined || !isSame(last, next)) last = next;
    return last;
  };
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

function isSameMap(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([id, count]) => b.get(id) === count);
}
