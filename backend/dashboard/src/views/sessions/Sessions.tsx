// All sessions: filtered, summed up, live while they run, and as a file.
import { useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone, useCursorPages, useSites, useZoneOf } from "../../api/queries";
import type { ViewProps } from "../../routes";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Icon } from "../../ui/Icon";
import { Card, Page } from "../../ui/Page";
import { useDayRange } from "../../ui/RangeFilter";
import { Empty, Loading } from "../../ui/States";
import { ZoneNote, ZonesNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import { ExportDialog } from "./ExportDialog";
import { filtersOf, isAskedFor, sortOf } from "./filters";
import { NewsBar } from "./NewsBar";
import { SessionFiltersBar } from "./SessionFiltersBar";
import { SessionTable } from "./SessionTable";
import { TotalsFigures } from "./TotalsFigures";
import { useConnectorSite } from "./useConnectorSite";
import { useLiveSessions } from "./useLiveSessions";

const PAGE = 50;

export default function Sessions(_: ViewProps) {
  // Whose days a range is of, the sites say: without them it would be asked for twice.
  if (useSites().isPending)
    return (
      <Page title="Sessions">
        <Card>
          <Loading label="Loading sessions" rows={10} />
        </Card>
      </Page>
    );
  return <AllSessions />;
}

function AllSessions() {
  const api = useApi();
  const may = useMay();
  const siteOfStation = useConnectorSite();
  const [search, change] = useSearch();
  const [isExporting, setExporting] = useState(false);
  const filters = filtersOf(search);
  const sort = sortOf(search);
  const { zone, isOne } = useFilterZone(filters.site_id);
  const range = useDayRange(zone);
  const selection = { ...filters, date_from: range.date_from, date_to: range.date_to };
  const key = ["sessions", selection, sort];
  const pages = useCursorPages(key, (cursor, signal) =>
    dataOf(
      api.GET("/api/v1/sessions", {
        params: {
          query: { ...selection, sort, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) },
        },
        signal,
      }),
    ),
  );
  const news = useLiveSessions(
    key,
    pages,
    (session) => sort === "-started_at" && isAskedFor(session, siteOfStation(session), selection),
  );
  return (
    <Page
      title="Sessions"
      aside={isOne ? <ZoneNote zone={zone} /> : <ZonesNote days={zone} />}
      actions={
        may("export:read") && (
          <Button onClick={() => setExporting(true)}>
            <Icon name="download" /> Export
          </Button>
        )
      }
    >
      <SessionFiltersBar range={range} />
      <TotalsFigures selection={selection} />
      <Card isFlush>
        <NewsBar news={news} />
        <SessionTable
          caption="Sessions"
          pages={pages}
          sort={sort}
          onSort={(next) => change({ sort: next === "-started_at" ? null : next })}
          empty={
            <Empty title="No sessions here">
              Nothing was charged that fits these filters. Choose a longer range, or fewer filters.
            </Empty>
          }
        />
      </Card>
      {isExporting && <ExportDialog selection={selection} zone={zone} onClose={() => setExporting(false)} />}
    </Page>
  );
}

/** The days of the range are those of the site that is asked for, of all sites where they agree, else the reader's. */
function useFilterZone(siteId: number | undefined): { zone: string; isOne: boolean } {
  const zoneOf = useZoneOf();
  const { data: sites = [] } = useSites();
  if (siteId !== undefined) return { zone: zoneOf(siteId), isOne: true };
  const [only = ownZone(), ...others] = new Set(sites.map((site) => site.timezone));
  return others.length === 0 ? { zone: only, isOne: true } : { zone: ownZone(), isOne: false };
}
