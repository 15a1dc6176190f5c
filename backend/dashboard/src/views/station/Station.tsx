// One station: what it does now, what it did, and what it can be told to do.
import { lazy, Suspense } from "react";
import { Link } from "wouter";
import { asProblem } from "../../api/problem";
import type { Evse } from "../../api/types";
import { about, exact } from "../../format/time";
import { useNowMs } from "../../live/hooks";
import type { ViewProps } from "../../routes";
import { useMay } from "../../services";
import { Card, Columns, Page } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Status, stateOf } from "../../ui/Status";
import { SiteName, ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import { AlertsCard } from "./AlertsCard";
import { CommandsCard } from "./CommandsCard";
import { ConnectorChoice } from "./ConnectorChoice";
import { EnergyTodayCard } from "./EnergyCard";
import { EventsCard } from "./EventsCard";
import { FactsCard } from "./FactsCard";
import { NowFigures } from "./NowFigures";
import { SessionCard } from "./SessionCard";
import { SessionsCard } from "./SessionsCard";
import styles from "./Station.module.css";
import { type StationNow, useConnectorIds, useConnectorNow, useStation, useStationNow } from "./useStation";
import { useStationSessions } from "./useStationSessions";

// Charts weigh more than the rest of the view: its figures are there first.
const ChartCard = lazy(() => import("./ChartCard"));

export default function Station({ params }: ViewProps) {
  const evse_uid = uidIn(params["evse_uid"] ?? "");
  const query = useStation(evse_uid);
  if (query.data !== undefined) return <StationPage evse={query.data} />;
  return (
    <Page title={evse_uid}>
      {query.error === null ? (
        <Loading label="Loading the station" rows={8} />
      ) : asProblem(query.error).status === 404 ? (
        <Empty title={`There is no station ${evse_uid}.`}>
          It may have been removed, or its name be written in another way.{" "}
          <Link href="/">To all stations</Link>
        </Empty>
      ) : (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      )}
    </Page>
  );
}

function StateNow({ station, connector_id }: { station: StationNow; connector_id: number }) {
  const connector = useConnectorNow(station, connector_id);
  return <Status state={stateOf(connector, station.is_enabled)} note={connector.error_code} />;
}

function Lasting({ since, zone }: { since: string | null; zone: string }) {
  const nowMs = useNowMs();
  if (since === null) return null;
  return (
    <>
      {" for "}
      <time dateTime={since} title={exact(since, zone)} className="tabular">
        {about((nowMs - Date.parse(since)) / 1000)}
      </time>
    </>
  );
}

/** The router leaves some signs as the address writes them. A lone % is no such sign. */
function uidIn(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text;
    throw error;
  }
}

function StationPage({ evse }: { evse: Evse }) {
  const [search] = useSearch();
  const ids = useConnectorIds(evse);
  const asked = Number(search.get("connector"));
  const connector_id = ids.includes(asked) ? asked : (ids[0] ?? 1);
  const station = useStationNow(evse);
  const sessions = useStationSessions(evse.evse_uid, connector_id);
  const may = useMay();
  const make = [evse.vendor, evse.model, evse.firmware && `firmware ${evse.firmware}`].filter((each) => each);

  return (
    <Page
      title={station.title}
      aside={
        <>
          <StateNow station={station} connector_id={connector_id} />
          <span className={styles["aside"]}>
            {evse.name !== null && <>{evse.evse_uid} · </>}
            <SiteName siteId={evse.site_id} /> · {station.is_online ? "online" : "offline"}
            <Lasting since={evse.online_changed_at} zone={station.zone} /> ·{" "}
            {make.length > 0 && `${make.join(" ")} · `}
            <ZoneNote zone={station.zone} />
          </span>
        </>
      }
      actions={ids.length > 1 && <ConnectorChoice evse={evse} ids={ids} value={connector_id} />}
    >
      {ids.length === 0 && (
        <Empty title="This station has not said anything yet.">
          Its connectors and readings are shown as soon as the first message comes.
        </Empty>
      )}
      <NowFigures station={station} connector_id={connector_id} />
      <Columns>
        <SessionCard station={station} connector_id={connector_id} sessions={sessions} />
        <CommandsCard key={connector_id} station={station} connector_id={connector_id} />
      </Columns>
      {may("telemetry:read") && (
        <Suspense
          fallback={
            <Card title="Readings">
              <Loading label="Loading the charts" rows={22} />
            </Card>
          }
        >
          <ChartCard key={connector_id} station={station} connector_id={connector_id} />
        </Suspense>
      )}
      <Columns min={19}>
        {may("alert:read") && <AlertsCard station={station} />}
        {may("telemetry:read") && <EnergyTodayCard station={station} connector_id={connector_id} />}
        <FactsCard station={station} connector_id={connector_id} />
      </Columns>
      <Columns min={36}>
        <EventsCard station={station} />
        {may("session:read") && <SessionsCard station={station} sessions={sessions} />}
      </Columns>
    </Page>
  );
}
