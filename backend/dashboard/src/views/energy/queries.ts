// What the view asks the API: figures by period, by site or station, and by hour of the week.
import { keepPreviousData, type UseQueryResult, useQuery } from "@tanstack/react-query";
import { type Api, dataOf } from "../../api/client";
import type { components } from "../../api/schema";
import { useApi } from "../../services";
import { daysAfter } from "../../ui/RangeFilterDays";
import type { Chosen } from "./choice";
import { type Period, rangeBefore } from "./range";

export type StatsAnswer = components["schemas"]["StatsAnswer"];
export type UtilisationAnswer = components["schemas"]["UtilisationAnswer"];

/** Rollups come every quarter of an hour, and no live event tells of them. */
const OFTEN_MS = 5 * 60_000;
/** The heat map looks at most so far back. */
export const LONGEST_UTILISATION_DAYS = 366;

interface Days {
  date_from: string;
  date_to: string;
}

function whereOf({ siteId, evseUid }: Chosen): { site_id?: number; evse_uid?: string } {
  return {
    ...(siteId === null ? {} : { site_id: siteId }),
    ...(evseUid === null ? {} : { evse_uid: evseUid }),
  };
}

function ask(
  api: Api,
  chosen: Chosen,
  period: Period,
  { date_from, date_to }: Days,
  group_by?: "site" | "evse",
  signal?: AbortSignal,
): Promise<StatsAnswer> {
  const query = {
    ...{ period, date_from, date_to, ...whereOf(chosen) },
    ...(group_by === undefined ? {} : { group_by }),
  };
  return dataOf(api.GET("/api/v1/stats", { params: { query }, ...(signal === undefined ? {} : { signal }) }));
}

function keyOf(chosen: Chosen, { date_from, date_to }: Days): unknown[] {
  return [chosen.siteId, chosen.evseUid, date_from, date_to];
}

/** A row for each period of the range. */
export function usePeriods(chosen: Chosen): UseQueryResult<StatsAnswer> {
  const api = useApi();
  const { range } = chosen;
  return useQuery({
    queryKey: ["stats", range.period, ...keyOf(chosen, range)],
    queryFn: ({ signal }) => ask(api, chosen, range.period, range, undefined, signal),
    placeholderData: keepPreviousData,
    refetchInterval: OFTEN_MS,
  });
}

/** The same of as many days before. */
export function usePeriodsBefore(chosen: Chosen): UseQueryResult<StatsAnswer> {
  const api = useApi();
  const before = rangeBefore(chosen.range);
  const { period } = chosen.range;
  return useQuery({
    queryKey: ["stats", period, ...keyOf(chosen, before)],
    queryFn: ({ signal }) => ask(api, chosen, period, before, undefined, signal),
    placeholderData: keepPreviousData,
  });
}

/** Rows for each site or station. In the longest periods: they are added up, and so are fewest. */
export function useGroups(chosen: Chosen, by: "site" | "evse"): UseQueryResult<StatsAnswer> {
  const api = useApi();
  return useQuery({
    queryKey: ["stats", "by", by, ...keyOf(chosen, chosen.range)],
    queryFn: ({ signal }) => ask(api, chosen, "month", chosen.range, by, signal),
    placeholderData: keepPreviousData,
    refetchInterval: OFTEN_MS,
  });
}

/** The hours of the week, over the range or its last year. */
export function useUtilisation(chosen: Chosen): UseQueryResult<UtilisationAnswer> {
  const api = useApi();
  const earliest = daysAfter(chosen.range.date_to, -LONGEST_UTILISATION_DAYS);
  const { date_to } = chosen.range;
  const date_from = chosen.range.date_from > earliest ? chosen.range.date_from : earliest;
  return useQuery({
    queryKey: ["utilisation", ...keyOf(chosen, { date_from, date_to })],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET("/api/v1/stats/utilisation", {
          params: { query: { date_from, date_to, ...whereOf(chosen) } },
          signal,
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: OFTEN_MS,
  });
}
