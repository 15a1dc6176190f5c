// The audit log: who did, or was refused, what.
import { useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone, useCursorPages } from "../../api/queries";
import type { AuditEntry } from "../../api/types";
import type { ViewProps } from "../../routes";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { Card, Page, Toolbar } from "../../ui/Page";
import { RangeFilter, useDayRange } from "../../ui/RangeFilter";
import { SearchField } from "../../ui/SearchField";
import { Empty } from "../../ui/States";
import { type Column, PagedTable } from "../../ui/Table";
import { Time, ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import styles from "./Audit.module.css";
import { AuditDetail, OutcomeBadge, objectInShort } from "./AuditDetail";
import { changesOf, inOneLine } from "./auditChanges";
import { ACTIONS, actionInWords } from "./auditWords";

const FILTERS = ["actor", "action", "object_type", "object_id", "outcome"] as const;
const OBJECT_TYPES = [...new Set(ACTIONS.map((action) => action.split(".")[0] ?? ""))];

export default function Audit(_props: ViewProps) {
  const api = useApi();
  const zone = ownZone();
  const range = useDayRange(zone, "7d");
  const [search, change] = useSearch();
  const [shown, setShown] = useState<AuditEntry | null>(null);
  const sort = search.get("sort") === "at" ? "at" : "-at";
  const chosen = FILTERS.flatMap((name) => {
    const value = search.get(name);
    // The API takes an object's id together with its type only.
    return value && (name !== "object_id" || search.get("object_type")) ? [[name, value] as const] : [];
  });
  const pages = useCursorPages(["audit", range.date_from, range.date_to, sort, chosen], (cursor, signal) => {
    const query = {
      sort,
      date_from: range.date_from,
      date_to: range.date_to,
      ...Object.fromEntries(chosen),
      ...(cursor === undefined ? {} : { cursor }),
    } as const;
    return dataOf(api.GET("/api/v1/audit", { params: { query }, signal }));
  });
  return (
    <Page
      title="Audit log"
      aside={<ZoneNote zone={zone} />}
      actions={<Button onClick={pages.refetch}>Refresh</Button>}
    >
      <Toolbar label="Filters">
        <RangeFilter range={range} />
        <Filters />
      </Toolbar>
      <Card isFlush>
        <PagedTable
          caption="Audit log"
          columns={columnsOf(zone, setShown)}
          pages={pages}
          keyOf={(entry) => entry.id}
          sort={sort}
          onSort={(next) => change({ sort: next === "at" ? "at" : null })}
          empty={
            <Empty title="Nothing like this has happened in these days.">
              {chosen.length > 0 && (
                <Button
                  isSmall
                  onClick={() => change(Object.fromEntries(FILTERS.map((name) => [name, null])))}
                >
                  Without filters
                </Button>
              )}
            </Empty>
          }
        />
      </Card>
      {shown && <AuditDetail entry={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function Filters() {
  const [search, change] = useSearch();
  const filterOf = (name: (typeof FILTERS)[number]) => search.get(name) ?? "";
  return (
    <>
      <SelectField
        label="Outcome"
        value={filterOf("outcome")}
        onChange={(event) => change({ outcome: event.target.value })}
      >
        <option value="">Done or refused</option>
        <option value="done">Done</option>
        <option value="refused">Refused</option>
      </SelectField>
      <SearchField
        label="Who"
        placeholder="Username"
        value={filterOf("actor")}
        onSearch={(actor) => change({ actor })}
      />
      <SearchField
        label="Action"
        placeholder="user.update"
        suggestions={ACTIONS}
        value={filterOf("action")}
        onSearch={(action) => change({ action })}
      />
      <SearchField
        label="Object"
        placeholder="user"
        suggestions={OBJECT_TYPES}
        value={filterOf("object_type")}
        onSearch={(object_type) =>
          change({ object_type, ...(object_type === "" ? { object_id: null } : {}) })
        }
      />
      {filterOf("object_type") !== "" && (
        <SearchField
          label="Object's id"
          value={filterOf("object_id")}
          onSearch={(object_id) => change({ object_id })}
        />
      )}
    </>
  );
}

function columnsOf(zone: string, onShow: (entry: AuditEntry) => void): Column<AuditEntry>[] {
  return [
    {
      title: "When",
      sort: "at",
      cell: (entry) => (
        <span className={styles["when"]}>
          <Time at={entry.at} zone={zone} />
        </span>
      ),
    },
    { title: "Who", cell: (entry) => entry.actor_name, isWideOnly: true },
    {
      title: "What",
      cell: (entry) => (
        <>
          {actionInWords(entry.action)}{" "}
          <span className={styles["narrowOnly"]}>
            · {entry.actor_name} {entry.outcome === "refused" && <OutcomeBadge outcome="refused" />}
          </span>
          <span className={styles["line"]}>{entry.detail ?? inOneLine(changesOf(entry, zone))}</span>
        </>
      ),
    },
    { title: "Object", cell: objectInShort, isWideOnly: true },
    { title: "Outcome", cell: (entry) => <OutcomeBadge outcome={entry.outcome} />, isWideOnly: true },
    { title: "From", cell: (entry) => entry.address ?? "–", isWideOnly: true },
    {
      title: <span className="visually-hidden">Actions</span>,
      cell: (entry) => (
        <Button isSmall onClick={() => onShow(entry)} aria-label={`Details of entry ${entry.id}`}>
          Details
        </Button>
      ),
      isNumber: true,
    },
  ];
}
