// The bills of a session, in the order in which they were issued: an invoice, and what corrected it.
import { useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import type { Session } from "../../api/types";
import { useApi, useMay } from "../../services";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { BillCard } from "./BillCard";

export function SessionBills({ session, zone }: { session: Session; zone: string }) {
  const api = useApi();
  const may = useMay();
  const isAllowed = may("bill:read") || may("bill:read_own");
  const session_id = session.id;
  const { data, error, refetch } = useQuery({
    queryKey: ["session-bills", session_id],
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/sessions/{session_id}/bills", { params: { path: { session_id } }, signal })),
    enabled: isAllowed,
  });
  if (!isAllowed) return null;
  if (data !== undefined && data.items.length > 0)
    return data.items.map((bill) => (
      <BillCard
        key={bill.id}
        bill={bill}
        credited={data.items.find((other) => other.id === bill.credits_bill_id)}
        isTakenBack={data.items.some((other) => other.credits_bill_id === bill.id)}
        zone={bill.issuer.timezone ?? zone}
      />
    ));
  return (
    <Card title="Bill">
      {data !== undefined ? (
        session.status === "ACTIVE" ? (
          <Empty title="No bill yet">The session runs. Its bill is made when it ends.</Empty>
        ) : (
          <Empty title="No bill">None was made for this session.</Empty>
        )
      ) : error !== null ? (
        <Failure error={error} onRetry={() => void refetch()} />
      ) : (
        <Loading label="Loading the bills" />
      )}
    </Card>
  );
}
