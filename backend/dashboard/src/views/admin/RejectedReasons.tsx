// The rejected messages, counted by reason; choosing a reason filters the list below.
import type { UseQueryResult } from "@tanstack/react-query";
import type { components } from "../../api/schema";
import { number } from "../../format/number";
import { Button } from "../../ui/Button";
import { Empty, Failure, Loading } from "../../ui/States";
import { Table } from "../../ui/Table";
import { Time } from "../../ui/Time";
import styles from "./Rejected.module.css";
import { adviceOn, reasonInWords } from "./rejectedWords";

interface Props {
  summary: UseQueryResult<components["schemas"]["RejectedSummary"]>;
  chosen: string;
  zone: string;
  /** Null: all of them. */
  onChoose: (reason: string | null) => void;
}

export function RejectedReasons({ summary, chosen, zone, onChoose }: Props) {
  if (summary.isPending) return <Loading label="Counting rejected messages" />;
  if (summary.isError) return <Failure error={summary.error} onRetry={() => void summary.refetch()} />;
  return (
    <Table
      caption="Rejected messages by reason"
      rows={summary.data.reasons}
      keyOf={(row) => row.reason}
      empty={<Empty title="Nothing to count." />}
      columns={[
        {
          title: "Reason",
          cell: (row) => (
            <>
              {reasonInWords(row.reason)}
              <span className={styles["detail"]}>{adviceOn(row.reason)}</span>
            </>
          ),
        },
        { title: "Messages", cell: (row) => number(row.count), isNumber: true },
        { title: "First", cell: (row) => <Time at={row.first_received_at} zone={zone} />, isWideOnly: true },
        { title: "Last", cell: (row) => <Time at={row.last_received_at} zone={zone} />, isWideOnly: true },
        {
          title: <span className="visually-hidden">Actions</span>,
          cell: (row) => (
            <Button
              isSmall
              aria-pressed={row.reason === chosen}
              aria-label={`${row.reason === chosen ? "All" : "Only these"}: ${reasonInWords(row.reason)}`}
              onClick={() => onChoose(row.reason === chosen ? null : row.reason)}
            >
              {row.reason === chosen ? "All" : "Only these"}
            </Button>
          ),
          isNumber: true,
        },
      ]}
    />
  );
}
