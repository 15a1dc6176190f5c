// What a driver has charged before, what it comes to, and the bills.
import { useCallback } from "react";
import { dataOf } from "../../api/client";
import { Problem } from "../../api/problem";
import { useCursorPages } from "../../api/queries";
import type { Session } from "../../api/types";
import { localDay } from "../../format/time";
import { useApi, useMay } from "../../services";
import { Card } from "../../ui/Page";
import { RangeFilter, useDayRange } from "../../ui/RangeFilter";
import { Empty } from "../../ui/States";
import { FileButton } from "../sessions/FileButton";
import { isAskedFor } from "../sessions/filters";
import { NewsBar } from "../sessions/NewsBar";
import { SessionTable } from "../sessions/SessionTable";
import { TotalsFigures } from "../sessions/TotalsFigures";
import { useLiveSessions } from "../sessions/useLiveSessions";
import styles from "./MyCharging.module.css";

const PAGE = 20;

export function MySessions({ idToken, zone }: { idToken: string; zone: string }) {
  const api = useApi();
  const may = useMay();
  const range = useDayRange(zone, "30d");
  const selection = { id_token: idToken, date_from: range.date_from, date_to: range.date_to };
  const key = ["my-sessions", selection];
  const pages = useCursorPages(key, (cursor, signal) => {
    const query = { ...selection, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    return dataOf(api.GET("/api/v1/sessions", { params: { query }, signal }));
  });
  const news = useLiveSessions(key, pages, (live) => isAskedFor(live, undefined, selection));
  return (
    <div className={styles["past"]}>
      <RangeFilter range={range} label="My sessions of" />
      <TotalsFigures selection={selection} />
      <Card title="My sessions" isFlush>
        <NewsBar news={news} />
        <SessionTable
          caption="My sessions"
          isOwn
          pages={pages}
          empty={<Empty title="You charged nothing in this time">Choose a longer range above.</Empty>}
          {...(may("bill:read_own") || may("bill:read")
            ? {
                more: {
                  title: "Bill",
                  isWideOnly: true,
                  cell: (session: Session) => <BillButton session={session} zone={zone} />,
                },
              }
            : {})}
        />
      </Card>
    </div>
  );
}

/** The newest invoice: earlier ones were taken back. */
function BillButton({ session, zone }: { session: Session; zone: string }) {
  const api = useApi();
  const session_id = session.id;
  const find = useCallback(async () => {
    const { items } = await dataOf(
      api.GET("/api/v1/sessions/{session_id}/bills", { params: { path: { session_id } } }),
    );
    const invoice = items.filter((bill) => bill.kind === "invoice").pop();
    if (invoice === undefined) throw new Problem(0, "There is no bill for this session yet.");
    return `/api/v1/bills/${invoice.id}/pdf`;
  }, [api, session_id]);
  if (session.status === "ACTIVE") return <>when it ends</>;
  const day = localDay(session.started_at, zone);
  return <FileButton path={find} name={`bill-${day}.pdf`} label="PDF" of={`of the session of ${day}`} />;
}
