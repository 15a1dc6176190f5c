// One import: how far it is, and the lines that could not be used.
import { useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { bytes, number } from "../../format/number";
import { useApi } from "../../services";
import { Dialog } from "../../ui/Dialog";
import { Facts } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import { type Column, Table } from "../../ui/Table";
import { Time } from "../../ui/Time";
import { ImportState } from "./ImportState";
import styles from "./Imports.module.css";
import { reasonInWords } from "./rejectedWords";
import type { ImportDetail as Detail } from "./upload";

/** The ingestor looks for waiting lines every few seconds; no live message tells of it. */
export const LOOK_AGAIN_MS = 3000;

type Line = Detail["rejected_lines"][number];

export function ImportDetail({
  importId,
  zoneOf,
  onClose,
}: {
  importId: string;
  zoneOf: (evseUid: string) => string;
  onClose: () => void;
}) {
  const api = useApi();
  const { data, error, refetch } = useQuery({
    queryKey: ["imports", "one", importId],
    queryFn: ({ signal }) => {
      const path = { import_id: importId };
      return dataOf(api.GET("/api/v1/imports/{import_id}", { params: { path }, signal }));
    },
    refetchInterval: (query) => (query.state.data?.status === "queued" ? LOOK_AGAIN_MS : false),
  });
  return (
    <Dialog title="Import" isWide onClose={onClose}>
      {data !== undefined ? (
        <Found found={data} zone={zoneOf(data.evse_uid)} />
      ) : error !== null ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading label="Loading the import" rows={8} />
      )}
    </Dialog>
  );
}

function Found({ found, zone }: { found: Detail; zone: string }) {
  const lines = found.rejected_lines;
  return (
    <>
      <Facts
        facts={[
          ["State", <ImportState key="state" row={found} />],
          ["Station", found.evse_uid],
          ["Connector of lines that name none", found.connector_id ?? "1"],
          ["File", `${found.file_name ?? "–"}, ${bytes(found.size_bytes)} unpacked`],
          ["Came", <Time key="came" at={found.created_at} zone={zone} withZone />],
          ["By", found.created_by],
          ["Done", <Time key="done" at={found.completed_at} zone={zone} withZone />],
          ["Lines", number(found.line_count)],
          ["Stored, new", number(found.stored_count)],
          ["Duplicates, there before", number(found.duplicate_count)],
          ["Rejected", number(found.rejected_count)],
          ["Waiting", number(found.waiting_count)],
        ]}
      />
      {found.rejected_count > 0 && (
        <section className={styles["section"]}>
          <h3>Lines that could not be used</h3>
          {lines.length < found.rejected_count && (
            <p className={styles["hint"]}>
              {number(lines.length)} of {number(found.rejected_count)}: the first that were found when the
              file came.
            </p>
          )}
          <Table
            caption="Lines that could not be used"
            columns={COLUMNS}
            rows={lines}
            keyOf={(line) => line.line}
          />
        </section>
      )}
    </>
  );
}

const COLUMNS: Column<Line>[] = [
  { title: "Line", cell: (line) => number(line.line) },
  {
    title: "Why",
    cell: (line) => (
      <>
        {reasonInWords(line.reason)}
        {line.field !== null && (
          <>
            {": "}
            <code>{line.field}</code>
          </>
        )}
        <span className={styles["hint"]}>{line.detail}</span>
      </>
    ),
  },
];
