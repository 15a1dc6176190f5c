// What the address says is to be shown: range, site, station.
import { ownZone, useSites } from "../../api/queries";
import { localDay, localTime } from "../../format/time";
import { useNowMs } from "../../live/hooks";
import { isDay } from "../../ui/RangeFilterDays";
import { useSearch } from "../../ui/useSearch";
import { COUNTS, type Period, type Range, rangeUntil } from "./range";

export interface Chosen {
  range: Range;
  siteId: number | null;
  evseUid: string | null;
  /** The zone that "today" is of: that of the site where there is one, else the reader's. */
  zone: string;
  /** More than one site is shown, each with its own local days. */
  isOfManySites: boolean;
  today: string;
  /** The local day and time, to the minute. */
  now: string;
  change: (changes: Record<string, string | null>) => void;
  search: URLSearchParams;
}

export function useChosen(): Chosen {
  const [search, change] = useSearch();
  const { data: sites = [] } = useSites();
  const nowMs = useNowMs(60_000);
  const period = periodIn(search.get("period"));
  const siteId = Number(search.get("site")) || null;
  const site = siteId === null ? sites[0] : sites.find((each) => each.id === siteId);
  const isOfManySites = siteId === null && sites.length > 1;
  const zone = (isOfManySites ? undefined : site?.timezone) ?? ownZone();
  const today = localDay(nowMs, zone);
  const wanted = Number(search.get("count"));
  const count = COUNTS[period].find((each) => each === wanted) ?? COUNTS[period][0] ?? 1;
  const until = search.get("until");
  return {
    range: rangeUntil(isDay(until) ? until : today, today, period, count),
    siteId,
    evseUid: search.get("station"),
    zone,
    isOfManySites,
    today,
    now: localTime(nowMs, zone),
    change,
    search,
  };
}

function periodIn(text: string | null): Period {
  return text === "week" || text === "month" ? text : "day";
}
