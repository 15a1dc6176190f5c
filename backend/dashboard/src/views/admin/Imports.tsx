// Logs that stations kept while they were offline: those taken in, and another one.
import { useEffect, useMemo, useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone, useCursorPages, useEvses, useZoneOf } from "../../api/queries";
import type { Import } from "../../api/types";
import { number } from "../../format/number";
import { zoneName } from "../../format/time";
import type { ViewProps } from "../../routes";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { Card, Page, Toolbar } from "../../ui/Page";
import { SearchField } from "../../ui/SearchField";
import { Empty } from "../../ui/States";
import { type Column, PagedTable } from "../../ui/Table";
import { Time } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import { ImportDetail, LOOK_AGAIN_MS } from "./ImportDetail";
import { ImportState } from "./ImportState";
import styles from "./Imports.module.css";
import { UploadLog } from "./UploadLog";

export default function Imports(_props: ViewProps) {
  const mayWrite = useMay()("import:write");
  const zoneOf = useStationZone();
  const [search, change] = useSearch();
  const [isUploading, setUploading] = useState(false);
  const station = search.get("station") ?? "";
  const shown = search.get("import");
  const pages = useImports(station, search.get("status"));
  const isFiltered = station !== "" || search.has("status");
  return (
    <Page
      title="Imports"
      actions={
        mayWrite && (
          <Button kind="primary" onClick={() => setUploading(true)}>
            Import a log
          </Button>
        )
      }
    >
      <Toolbar label="Filters">
        <SearchField
          label="Station"
          placeholder="Its ID, in full"
          value={station}
          onSearch={(next) => change({ station: next })}
        />
        <SelectField
          label="State"
          value={search.get("status") ?? ""}
          onChange={(event) => change({ status: event.target.value })}
        >
          <option value="">All</option>
          <option value="queued">Being taken in</option>
          <option value="completed">Done</option>
        </SelectField>
      </Toolbar>
      <Card isFlush>
        <PagedTable
          caption="Imports"
          columns={columnsOf(zoneOf, (id) => change({ import: id }))}
          pages={pages}
          keyOf={(row) => row.id}
          empty={
            isFiltered ? (
              <Empty title="No import is like this.">
                <Button isSmall onClick={() => change({ station: null, status: null })}>
                  Show all imports
                </Button>
              </Empty>
            ) : (
              <Empty title="Nothing was imported yet.">
                A station that was offline may have kept a log, such as on its SD card. Readings that are
                stored already are not stored twice; sessions and bills are corrected.
              </Empty>
            )
          }
        />
      </Card>
      {isUploading && (
        <UploadLog
          evseUid={station}
          onDone={(id) => {
            setUploading(false);
            change({ import: id });
          }}
          onClose={() => setUploading(false)}
        />
      )}
      {shown !== null && (
        <ImportDetail importId={shown} zoneOf={zoneOf} onClose={() => change({ import: null })} />
      )}
    </Page>
  );
}

/** Newest first. Asked for again while any of those shown is being taken in. */
function useImports(station: string, state: string | null) {
  const api = useApi();
  const [isWaiting, setWaiting] = useState(false);
  const pages = useCursorPages<Import>(
    ["imports", "list", station, state],
    (cursor, signal) => {
      const query = {
        ...(station === "" ? {} : { evse_uid: station }),
        ...(state === "queued" || state === "completed" ? ({ status: state } as const) : {}),
        ...(cursor === undefined ? {} : { cursor }),
      };
      return dataOf(api.GET("/api/v1/imports", { params: { query }, signal }));
    },
    isWaiting ? { refetchIntervalMs: LOOK_AGAIN_MS } : {},
  );
  const isAnyQueued = pages.items.some((row) => row.status === "queued");
  useEffect(() => setWaiting(isAnyQueued), [isAnyQueued]);
  return pages;
}

/** The zone of the site at which a station stands; the reader's own where that is not known. */
function useStationZone(): (evseUid: string) => string {
  const zoneOf = useZoneOf();
  const { data } = useEvses();
  const sites = useMemo(() => new Map(data?.map((evse) => [evse.evse_uid, evse.site_id])), [data]);
  return (evseUid) => {
    const site = sites.get(evseUid);
    return site === undefined ? ownZone() : zoneOf(site);
  };
}

function columnsOf(zoneOf: (evseUid: string) => string, onShow: (id: string) => void): Column<Import>[] {
  const count = (title: string, of: (row: Import) => number): Column<Import> => ({
    title,
    cell: (row) => number(of(row)),
    isNumber: true,
    isWideOnly: true,
  });
  return [
    {
      title: "Came",
      cell: (row) => (
        <>
          <Time at={row.created_at} zone={zoneOf(row.evse_uid)} />
          <span className={styles["small"]}>{zoneName(zoneOf(row.evse_uid), row.created_at)}</span>
        </>
      ),
    },
    {
      title: "Station and file",
      cell: (row) => (
        <>
          {row.evse_uid}
          <span className={styles["small"]}>
            {row.file_name ?? "no file name"}, by {row.created_by}
          </span>
          <span className={styles["narrowOnly"]}>
            <ImportState row={row} />
          </span>
        </>
      ),
    },
    { title: "State", cell: (row) => <ImportState row={row} />, isWideOnly: true },
    count("Lines", (row) => row.line_count),
    count("Stored", (row) => row.stored_count),
    count("Duplicate", (row) => row.duplicate_count),
    count("Rejected", (row) => row.rejected_count),
    count("Waiting", (row) => row.waiting_count),
    {
      title: <span className="visually-hidden">Actions</span>,
      cell: (row) => (
        <Button
          isSmall
          onClick={() => onShow(row.id)}
          aria-label={`Show import of ${row.evse_uid}, ${row.file_name ?? row.id}`}
        >
          Show
        </Button>
      ),
      isNumber: true,
    },
  ];
}
