// Everything else that is known of a session.
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Session, Tariff } from "../../api/types";
import { pricePerKwh } from "../../format/money";
import { number, UNKNOWN } from "../../format/number";
import { inWords } from "../../format/words";
import { useMay } from "../../services";
import { Facts } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { usePlaceOf } from "../status/useStations";
import { useTariff } from "./useSession";
import { percent } from "./vat";
import { END_WORDS } from "./words";

export function SessionFacts({ session, zone }: { session: Session; zone: string }) {
  const may = useMay();
  const placeOf = usePlaceOf();
  const tariff = useTariff(session.tariff_id);
  const facts: [string, ReactNode][] = [
    [
      "Station",
      may("evse:read") ? (
        <Link key="station" href={`/stations/${encodeURIComponent(session.evse_uid)}`}>
          {session.evse_uid}
        </Link>
      ) : (
        session.evse_uid
      ),
    ],
    ["Connector", number(session.connector_id)],
    ["Site", placeOf(session.site_id).name],
    ["Started", <Time key="started" at={session.started_at} zone={zone} withZone />],
    [
      "Ended",
      session.ended_at === null ? (
        "still running"
      ) : (
        <Time key="ended" at={session.ended_at} zone={zone} withZone />
      ),
    ],
  ];
  if (session.ended_at !== null)
    facts.push(["End reason", END_WORDS[session.end_reason ?? ""] ?? inWords(session.end_reason)]);
  facts.push(
    ["Driver's token", session.id_token ?? "not said"],
    ["Prices without VAT", <Prices key="prices" tariff={tariff} />],
  );
  return <Facts facts={facts} />;
}

/** What others call it, and where it comes from: for whoever has to look something up. */
export function SessionNumbers({ session }: { session: Session }) {
  return (
    <Facts
      facts={[
        ["Session", <code key="id">{session.id}</code>],
        ["Station's own number", session.device_session_id ?? "not said"],
        ["Readings", number(session.reading_count)],
        ["Authorised by", AUTH_WORDS[session.auth_method] ?? inWords(session.auth_method)],
        ["Party (OCPI)", `${session.country_code} ${session.party_id}`],
      ]}
    />
  );
}

const AUTH_WORDS: Record<string, string> = {
  WHITELIST: "The station, or this system",
  COMMAND: "A command",
  AUTH_REQUEST: "A request to another operator",
};

function Prices({ tariff }: { tariff: Tariff | undefined }) {
  if (tariff === undefined) return <>{UNKNOWN}</>;
  return (
    <>
      solar {pricePerKwh(tariff.price_solar_per_kwh, tariff.currency)}, grid{" "}
      {pricePerKwh(tariff.price_grid_per_kwh, tariff.currency)}
      {tariff.elements.length > 0 && "; others by time of day"}; VAT {percent(tariff.vat_percent)}
    </>
  );
}
