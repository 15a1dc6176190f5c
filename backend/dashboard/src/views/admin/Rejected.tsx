// Messages of stations that could not be used: how many and why, and each of them.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone, useCursorPages } from "../../api/queries";
import type { RejectedMessage } from "../../api/types";
import { bytes, number } from "../../format/number";
import type { ViewProps } from "../../routes";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { Card, Page, Toolbar } from "../../ui/Page";
import { RangeFilter, useDayRange } from "../../ui/RangeFilter";
import { SearchField } from "../../ui/SearchField";
import { Empty } from "../../ui/States";
import { type Column, PagedTable } from "../../ui/Table";
import { Time, ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import styles from "./Rejected.module.css";
import { RejectedDetail } from "./RejectedDetail";
import { RejectedReasons } from "./RejectedReasons";
import { reasonInWords } from "./rejectedWords";

export default function Rejected(_props: ViewProps) {
  const api = useApi();
  const zone = ownZone();
  const range = useDayRange(zone, "7d");
  const [search, change] = useSearch();
  const [shown, setShown] = useState<RejectedMessage | null>(null);
  const reason = search.get("reason") ?? "";
  const evse_uid = search.get("station") ?? "";
  const days = { date_from: range.date_from, date_to: range.date_to };
  const ofStation = evse_uid === "" ? days : { ...days, evse_uid };
  const summary = useQuery({
    queryKey: ["rejected", "summary", ofStation],
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/rejected-messages/summary", { params: { query: ofStation }, signal })),
  });
  const pages = useCursorPages(["rejected", "list", ofStation, reason], (cursor, signal) => {
    const query = {
      ...ofStation,
      ...(reason === "" ? {} : { reason }),
      ...(cursor === undefined ? {} : { cursor }),
    };
    return dataOf(api.GET("/api/v1/rejected-messages", { params: { query }, signal }));
  });
  const lookAgain = () => {
    void summary.refetch();
    pages.refetch();
  };
  return (
    <Page
      title="Rejected messages"
      aside={<ZoneNote zone={zone} />}
      actions={<Button onClick={lookAgain}>Refresh</Button>}
    >
      <Toolbar label="Filters">
        <RangeFilter range={range} />
        <SearchField
          label="Station"
          placeholder="Its uid, in full"
          value={evse_uid}
          onSearch={(station) => change({ station })}
        />
      </Toolbar>
      <Card title="By reason" isFlush>
        <RejectedReasons
          summary={summary}
          chosen={reason}
          zone={zone}
          onChoose={(next) => change({ reason: next })}
        />
      </Card>
      <Card
        title={reason === "" ? "Messages" : `Messages: ${reasonInWords(reason)}`}
        aside="newest first"
        isFlush
        actions={
          reason !== "" && (
            <Button isSmall onClick={() => change({ reason: null })}>
              All reasons
            </Button>
          )
        }
      >
        <PagedTable
          caption="Rejected messages"
          columns={columnsOf(zone, setShown)}
          pages={pages}
          keyOf={(message) => message.id}
          empty={
            <Empty title="No message was rejected.">
              In these days{reason !== "" || evse_uid !== "" ? ", with this reason or station" : ""}. Of too
              many the oldest are dropped.
            </Empty>
          }
        />
      </Card>
      {shown && <RejectedDetail message={shown} onClose={() => setShown(null)} />}
    </Page>
  );
}

function columnsOf(zone: string, onShow: (message: RejectedMessage) => void): Column<RejectedMessage>[] {
  return [
    { title: "Received", cell: (message) => <Time at={message.received_at} zone={zone} /> },
    {
      title: "Reason",
      cell: (message) => (
        <>
          {reasonInWords(message.reason)}
          {message.field !== null && (
            <>
              {": "}
              <code>{message.field}</code>
            </>
          )}
          <span className={styles["detail"]}>{message.detail}</span>
        </>
      ),
    },
    {
      title: "Topic",
      cell: (message) => <code className={styles["topic"]}>{message.topic}</code>,
      isWideOnly: true,
    },
    { title: "Size", cell: (message) => bytes(message.payload_size_bytes), isNumber: true, isWideOnly: true },
    {
      title: <span className="visually-hidden">Actions</span>,
      cell: (message) => (
        <Button isSmall onClick={() => onShow(message)} aria-label={`Show message ${number(message.id)}`}>
          Show
        </Button>
      ),
      isNumber: true,
    },
  ];
}
