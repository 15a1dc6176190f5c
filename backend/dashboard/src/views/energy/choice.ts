// What the address says is to be shown: range, site, station.
import { ownZone, useSites } from "../../api/queries";
import { useNowMs } from "../../live/hooks";
import { useMay } from "../../services";
import { isDay } from "../../ui/RangeFilterDays";
import { useSearch } from "../../ui/useSearch";
import { daysOf } from "./days";
import { COUNTS, type Period, type Range, rangeUntil } from "./range";

export interface Chosen {
  range: Range;
  siteId: number | null;
  evseUid: string | null;
  /** The zone that instants are told in: that of what is shown where it is one, else the reader's. */
  zone: string;
  /** More than one site is shown, each with its own local days. */
  isOfManySites: boolean;
  /** The local day; of many sites, that of the one that is furthest ahead: its day is not left out. */
  today: string;
  /** The first day that is not over everywhere. */
  openDay: string;
  /** The local day and time that `today` is of, to the minute. */
  now: string;
  /** The address asks for a site that there is not. */
  isSiteUnknown: boolean;
  change: (changes: Record<string, string | null>) => void;
  search: URLSearchParams;
}

export function useChosen(): Chosen {
  const [search, change] = useSearch();
  const { data } = useSites();
  const sites = data ?? [];
  const maySeeSites = useMay()("site:read");
  const nowMs = useNowMs(60_000);
  const period = periodIn(search.get("period"));
  const siteId = Number(search.get("site")) || null;
  const shown = siteId === null ? sites : sites.filter((each) => each.id === siteId);
  const { zone, today, openDay, now } = daysOf(
    shown.map((site) => site.timezone),
    nowMs,
    ownZone(),
  );
  const wanted = Number(search.get("count"));
  const count = COUNTS[period].find((each) => each === wanted) ?? COUNTS[period][0] ?? 1;
  const until = search.get("until");
  return {
    range: rangeUntil(isDay(until) ? until : today, today, period, count),
    siteId,
    evseUid: search.get("station"),
    zone,
    isOfManySites: shown.length > 1,
    today,
    openDay,
    now,
    isSiteUnknown: siteId !== null && maySeeSites && data !== undefined && shown.length === 0,
    change,
    search,
  };
}

function periodIn(text: string | null): Period {
  return text === "week" || text === "month" ? text : "day";
}
