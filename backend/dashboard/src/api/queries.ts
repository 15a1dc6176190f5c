// Questions to the API that more than one view asks.
import { type UseQueryResult, useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { useApi, useMe } from "../services";
import { type Api, dataOf } from "./client";
import type { Evse, Site } from "./types";

/** Pages of this size where everything is wanted. */
const WHOLE_PAGE = 500;

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

/** Every item of a list that is known to be small, page after page. */
export async function everyItem<T>(page: (cursor: string | undefined) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const answer = await page(cursor);
    items.push(...answer.items);
    cursor = answer.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

function withCursor(cursor: string | undefined): { limit: number; cursor?: string } {
  return cursor === undefined ? { limit: WHOLE_PAGE } : { limit: WHOLE_PAGE, cursor };
}

function allSites(api: Api): Promise<Site[]> {
  return everyItem((cursor) => dataOf(api.GET("/api/v1/sites", { params: { query: withCursor(cursor) } })));
}

function allEvses(api: Api): Promise<Evse[]> {
  return everyItem((cursor) => dataOf(api.GET("/api/v1/evses", { params: { query: withCursor(cursor) } })));
}

/** All sites, by name. Asked for only by who may see them; otherwise empty at once. */
export function useSites(): UseQueryResult<Site[]> {
  const api = useApi();
  const isAllowed = useMe().permissions.includes("site:read");
  return useQuery({
    queryKey: ["sites", isAllowed],
    queryFn: () => (isAllowed ? allSites(api) : []),
    staleTime: 60_000,
  });
}

/**
 * All stations of the register, asked for again every so often. Their connectors' values are as old as the answer: live
 * ones are in the picture.
 */
export function useEvses(refetchIntervalMs = 60_000): UseQueryResult<Evse[]> {
  const api = useApi();
  const isAllowed = useMe().permissions.includes("evse:read");
  return useQuery({
    queryKey: ["evses", isAllowed],
    queryFn: () => (isAllowed ? allEvses(api) : []),
    staleTime: refetchIntervalMs,
    refetchInterval: refetchIntervalMs,
  });
}

/** After a station was changed here: whatever shows it asks again, this view and those visited before. */
export function useStationsChanged(): () => Promise<unknown> {
  const queries = useQueryClient();
  return () =>
    Promise.all(
      ["evses", "evse", "evse-status"].map((name) => queries.invalidateQueries({ queryKey: [name] })),
    );
}

/** Finds a site by its id; undefined while they load, and for who may not see them. */
export function useSiteOf(): (siteId: number | null | undefined) => Site | undefined {
  const { data } = useSites();
  return useMemo(() => {
    const byId = new Map(data?.map((site) => [site.id, site]));
    return (siteId) => (siteId === null || siteId === undefined ? undefined : byId.get(siteId));
  }, [data]);
}

/** The zone that a site's times are shown in; the reader's own where the site is not known. */
export function useZoneOf(): (siteId: number | null | undefined) => string {
  const siteOf = useSiteOf();
  return (siteId) => siteOf(siteId)?.timezone ?? ownZone();
}

/** The reader's own zone. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

export interface CursorPages<T> {
  items: T[];
  /** Nothing has come yet. */
  isLoading: boolean;
  /** Why the first, or the next, page did not come. */
  error: Error | null;
  hasMore: boolean;
  isLoadingMore: boolean;
  loadMore: () => void;
  refetch: () => void;
}

/**
 * A list that grows page by page. `key` must hold everything that `page` depends on.
 * With `refetchIntervalMs` the pages that are shown are asked for again.
 */
export function useCursorPages<T>(
  key: readonly unknown[],
  page: (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>,
  options: { enabled?: boolean; refetchIntervalMs?: number } = {},
): CursorPages<T> {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam, signal }) => page(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    ...(options.enabled === undefined ? {} : { enabled: options.enabled }),
    ...(options.refetchIntervalMs === undefined ? {} : { refetchInterval: options.refetchIntervalMs }),
  });
  const items = useMemo(() => query.data?.pages.flatMap((each) => each.items) ?? [], [query.data]);
  return {
    items,
    isLoading: query.isPending,
    error: query.error,
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
    refetch: () => void query.refetch(),
  };
}
