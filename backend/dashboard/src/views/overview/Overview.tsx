// Every station at a glance, live: an operator's first and most-watched view.
import { useCallback } from "react";
import { ownZone, useSites } from "../../api/queries";
import { number } from "../../format/number";
import { useIsLive } from "../../live/hooks";
import { Button } from "../../ui/Button";
import { Page } from "../../ui/Page";
import { useSearch } from "../../ui/useSearch";
import { filtersOf, modeOf, toggled } from "./address";
import { FilterBar } from "./FilterBar";
import { List } from "./List";
import { NoPlaces, NoRegister } from "./NoPlaces";
import { Clock } from "./now";
import styles from "./Overview.module.css";
import type { Place } from "./places";
import { StateChips } from "./StateChips";
import { TileGrid } from "./TileGrid";
import { Totals } from "./Totals";
import { useHeld } from "./useHeld";
import { useAllPlaces, useArranged, useCounts, useMatching } from "./usePlaces";

const NO_FILTERS = { q: null, state: null, site: null };

export default function Overview() {
  const [search, change] = useSearch();
  const filters = filtersOf(search);
  const mode = modeOf(search);
  const isLive = useIsLive();
  const { places, isRegisterMissing, isPending, error, retry } = useAllPlaces();
  const matching = useMatching(places, filters);
  const counts = useCounts(matching);
  const [shown, holdOrder] = useHeld(useArranged(matching, filters), search.toString());
  const { siteNameOf, zoneOf, zoneOfToday } = useSiteWords(filters.siteId);
  const view = { places: shown, siteNameOf, zoneOf };
  const isFiltered = filters.text !== "" || filters.groups.length > 0 || filters.siteId !== null;
  return (
    <Page title="Overview" aside={<Count shown={shown} all={places} isFiltered={isFiltered} />}>
      <Totals siteId={filters.siteId} zone={zoneOfToday} />
      <StateChips
        counts={counts}
        chosen={filters.groups}
        onToggle={(id) => change({ state: toggled(filters.groups, id) })}
      />
      <FilterBar text={search.get("q") ?? ""} filters={filters} mode={mode} onChange={change} />
      {isRegisterMissing && shown.length > 0 && error !== null && (
        <NoRegister error={error} onRetry={retry} />
      )}
      {shown.length === 0 ? (
        <NoPlaces
          isLoading={isPending}
          error={error}
          onRetry={retry}
          isFiltered={isFiltered && places.length > 0}
        >
          <Button onClick={() => change(NO_FILTERS)}>Show all stations</Button>
        </NoPlaces>
      ) : (
        <div className={isLive ? undefined : styles["stale"]} onPointerMove={holdOrder}>
          <Clock>{mode === "list" ? <List {...view} order={filters.order} /> : <TileGrid {...view} />}</Clock>
        </div>
      )}
    </Page>
  );
}

function Count({
  shown,
  all,
  isFiltered,
}: {
  shown: readonly Place[];
  all: readonly Place[];
  isFiltered: boolean;
}) {
  const stationCount = stationsOf(all);
  const connectors = all.length === stationCount ? "" : `, ${number(all.length)} connectors`;
  return (
    <span className={styles["count"]}>
      {isFiltered && `${number(stationsOf(shown))} of `}
      {stationCount === 1 ? "1 station" : `${number(stationCount)} stations`}
      {!isFiltered && connectors}
    </span>
  );
}

function stationsOf(places: readonly Place[]): number {
  return new Set(places.map((place) => place.evseUid)).size;
}

/** What is said of sites: their names where there are several, and the zones of their times. */
function useSiteWords(siteId: number | null) {
  const { data: sites } = useSites();
  const siteNameOf = useCallback(
    (id: number) =>
      sites === undefined || sites.length < 2
        ? null
        : (sites.find((site) => site.id === id)?.name ?? `Site ${id}`),
    [sites],
  );
  const zoneOf = useCallback(
    (id: number) => sites?.find((site) => site.id === id)?.timezone ?? ownZone(),
    [sites],
  );
  const zones = new Set(
    sites?.filter(({ id }) => siteId === null || id === siteId).map((site) => site.timezone),
  );
  const [zone] = zones;
  return { siteNameOf, zoneOf, zoneOfToday: zones.size === 1 && zone !== undefined ? zone : ownZone() };
}
