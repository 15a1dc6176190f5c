// One session: what it took, where from, at which price, how it went, and its bills.
import type { ReactNode } from "react";
import { Link } from "wouter";
import { asProblem } from "../../api/problem";
import type { Session } from "../../api/types";
import type { ViewProps } from "../../routes";
import { useMay } from "../../services";
import { Card, Columns, Page } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Badge } from "../../ui/Status";
import { ZoneNote } from "../../ui/Time";
import { usePlaceOf } from "../status/useStations";
import { useLiveSession } from "./Live";
import { Measurement } from "./Measurement";
import { SessionBills } from "./SessionBills";
import { SessionCurves } from "./SessionCurves";
import { SessionFacts, SessionNumbers } from "./SessionFacts";
import { SessionFigures } from "./SessionFigures";
import styles from "./Sessions.module.css";
import { SourceBar } from "./SourceBar";
import { useSession } from "./useSession";

export default function SessionDetail({ params }: ViewProps) {
  const { data, error, refetch } = useSession(params["session_id"] ?? "");
  const may = useMay();
  const back = may("session:read") ? (
    <Link href="/sessions">All sessions</Link>
  ) : (
    <Link href="/my">My charging</Link>
  );
  const status = error === null ? null : asProblem(error).status;
  const isGone = status === 404 || status === 422;
  if (data !== undefined && !isGone) return <Detail session={data} back={back} />;
  return (
    <Page title="Session" aside={back}>
      <Card>
        {error === null ? (
          <Loading label="Loading the session" rows={6} />
        ) : isGone ? (
          <Empty title="There is no such session">
            It may be somebody else's, or late data may have dissolved it.
          </Empty>
        ) : (
          <Failure error={error} onRetry={() => void refetch()} />
        )}
      </Card>
    </Page>
  );
}

function Detail({ session: known, back }: { session: Session; back: ReactNode }) {
  const session = useLiveSession(known);
  const placeOf = usePlaceOf();
  const { zone } = placeOf(session.site_id);
  return (
    <Page
      title={`Session on ${session.evse_uid}`}
      aside={
        <>
          {session.status === "ACTIVE" ? (
            <Badge tone="charging">Running</Badge>
          ) : (
            <Badge tone="idle">Ended</Badge>
          )}
          <ZoneNote zone={zone} />
        </>
      }
      actions={back}
    >
      <SessionFigures session={session} />
      <Columns min={24}>
        <Card title="Energy by source">
          <SourceBar of={session} />
          <Measurement session={session} />
        </Card>
        <Card title="Facts">
          <SessionFacts session={session} zone={zone} />
          <details className={styles["more"]}>
            <summary>For looking it up elsewhere</summary>
            <SessionNumbers session={session} />
          </details>
        </Card>
      </Columns>
      <SessionCurves session={session} zone={zone} />
      <SessionBills session={session} zone={zone} />
    </Page>
  );
}
