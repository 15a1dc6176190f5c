// One entry of the audit log: who, from where, what exactly.
import { ownZone } from "../../api/queries";
import type { AuditEntry } from "../../api/types";
import { Dialog } from "../../ui/Dialog";
import { Facts } from "../../ui/Page";
import { Badge } from "../../ui/Status";
import { Table } from "../../ui/Table";
import { Time } from "../../ui/Time";
import styles from "./Audit.module.css";
import { changesOf } from "./auditChanges";

export function AuditDetail({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const changes = changesOf(entry, ownZone());
  return (
    <Dialog title={`Entry ${entry.id}`} isWide onClose={onClose}>
      <Facts
        facts={[
          ["When", <Time key="at" at={entry.at} zone={ownZone()} withZone />],
          ["Who", whoInFull(entry)],
          ["Action", <code key="action">{entry.action}</code>],
          ["Object", objectOf(entry)],
          ["Outcome", <OutcomeBadge key="outcome" outcome={entry.outcome} />],
          ...(entry.detail === null ? [] : ([["Why", entry.detail]] as const)),
          ["Address", entry.address ?? "–"],
          ["Request", entry.request_id === null ? "–" : <code key="request">{entry.request_id}</code>],
        ]}
      />
      {changes.length > 0 && (
        <div className={styles["changes"]}>
          <Table
            caption="What changed"
            rows={changes}
            keyOf={(change) => change.field}
            columns={[
              { title: "Field", cell: (change) => <code>{change.field}</code> },
              {
                title: "Before",
                cell: (change) =>
                  change.before === null ? "–" : <span className={styles["before"]}>{change.before}</span>,
              },
              {
                title: "After",
                cell: (change) =>
                  change.after === null ? "–" : <span className={styles["after"]}>{change.after}</span>,
              },
            ]}
          />
        </div>
      )}
    </Dialog>
  );
}

export function OutcomeBadge({ outcome }: { outcome: AuditEntry["outcome"] }) {
  return (
    <Badge tone={outcome === "refused" ? "bad" : "good"}>{outcome === "refused" ? "Refused" : "Done"}</Badge>
  );
}

export function objectOf(entry: AuditEntry): string {
  return entry.object_id === null ? entry.object_type : `${entry.object_type} ${entry.object_id}`;
}

/** A UUID by its beginning: a column is no place for the whole of it. */
export function objectInShort(entry: AuditEntry): string {
  return objectOf(entry).replace(/([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]{22}/, "$1…");
}

function whoInFull(entry: AuditEntry): string {
  const user = entry.actor_user_id === null ? "" : ` (user ${entry.actor_user_id})`;
  const key = entry.actor_api_key_id === null ? "" : `, with API key ${entry.actor_api_key_id}`;
  return `${entry.actor_name}${user}${key}`;
}
