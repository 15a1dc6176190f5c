// The register of stations: where each stands, whether it is heard of, what it is.
import { useState } from "react";
import { dataOf } from "../../api/client";
import { useCursorPages } from "../../api/queries";
import type { Evse } from "../../api/types";
import type { ViewProps } from "../../routes";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Card, Page } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { PagedTable } from "../../ui/Table";
import { useSearch } from "../../ui/useSearch";
import { DeleteStation, SwitchStation } from "./StationDialogs";
import { NO_STATION_FILTERS, StationFilters, stationFiltersOf } from "./StationFilters";
import { StationForm } from "./StationForm";
import { type OpenStation, useStationColumns } from "./stationColumns";

export default function Stations(_props: ViewProps) {
  const api = useApi();
  const mayWrite = useMay()("evse:write");
  const [search, change] = useSearch();
  const [open, setOpen] = useState<OpenStation | null>(null);
  const { query, isFiltered } = stationFiltersOf(search);
  const pages = useCursorPages<Evse>(["evses", "list", query], (cursor, signal) =>
    dataOf(
      api.GET("/api/v1/evses", {
        params: { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } },
        signal,
      }),
    ),
  );
  return (
    <Page
      title="Stations"
      actions={
        mayWrite && (
          <Button kind="primary" onClick={() => setOpen({ what: "add" })}>
            Add station
          </Button>
        )
      }
    >
      <StationFilters />
      <Card isFlush>
        <PagedTable
          caption="Stations"
          columns={useStationColumns(mayWrite, setOpen)}
          pages={pages}
          keyOf={(evse) => evse.evse_uid}
          sort={query.sort}
          onSort={(sort) => change({ sort })}
          empty={
            isFiltered ? (
              <Empty title="No station is like this.">
                <Button isSmall onClick={() => change(NO_STATION_FILTERS)}>
                  Show all stations
                </Button>
              </Empty>
            ) : (
              <Empty title="There are no stations.">
                Stations may register themselves when they are first heard of, or are added here before.
              </Empty>
            )
          }
        />
      </Card>
      {open !== null && (
        <OpenDialog
          open={open}
          siteId={search.get("site") ?? ""}
          onOpen={setOpen}
          onClose={() => setOpen(null)}
        />
      )}
    </Page>
  );
}

function OpenDialog({
  open,
  siteId,
  onOpen,
  onClose,
}: {
  open: OpenStation;
  siteId: string;
  onOpen: (open: OpenStation) => void;
  onClose: () => void;
}) {
  switch (open.what) {
    case "add":
      return <StationForm evse={null} siteId={siteId} onClose={onClose} />;
    case "change":
      return <StationForm evse={open.evse} siteId={siteId} onClose={onClose} />;
    case "switch":
      return <SwitchStation evse={open.evse} onClose={onClose} />;
    case "delete":
      return (
        <DeleteStation
          evse={open.evse}
          onDisable={() => onOpen({ what: "switch", evse: open.evse })}
          onClose={onClose}
        />
      );
  }
}
