// What the list of stations shows of each. Whether it is online, and when it was heard, is live.
import { Link } from "wouter";
import { useZoneOf } from "../../api/queries";
import type { Evse } from "../../api/types";
import { number, power } from "../../format/number";
import { useConnector } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import { seenAt } from "../../live/seen";
import { Button } from "../../ui/Button";
import { Clamped } from "../../ui/Clamped";
import { Badge } from "../../ui/Status";
import type { Column } from "../../ui/Table";
import { Ago, SiteName } from "../../ui/Time";
import styles from "./Editors.module.css";

export type OpenStation = { what: "add" } | { what: "change" | "switch" | "delete"; evse: Evse };

export function useStationColumns(mayWrite: boolean, onOpen: (open: OpenStation) => void): Column<Evse>[] {
  const zoneOf = useZoneOf();
  return [
    {
      title: "Station",
      sort: "evse_uid",
      cell: (evse) => (
        <>
          <Link href={`/stations/${encodeURIComponent(evse.evse_uid)}`}>{evse.evse_uid}</Link>
          {evse.name && <span className={styles["small"]}>{evse.name}</span>}
          <span className={`${styles["small"]} ${styles["narrowOnly"]}`}>
            <Clamped>
              <SiteName siteId={evse.site_id} />
            </Clamped>
          </span>
        </>
      ),
    },
    {
      title: "Site",
      cell: (evse) => (
        <Clamped>
          <SiteName siteId={evse.site_id} />
        </Clamped>
      ),
      isWideOnly: true,
    },
    { title: "Heard", cell: (evse) => <Heard evse={evse} zone={zoneOf(evse.site_id)} /> },
    {
      title: "Model and firmware",
      cell: (evse) => (
        <>
          {[evse.vendor, evse.model].filter(Boolean).join(" ") || "–"}
          {evse.firmware && <span className={styles["small"]}>{evse.firmware}</span>}
        </>
      ),
      isWideOnly: true,
    },
    {
      title: "Dialect",
      cell: (evse) => (
        <>
          {evse.dialect}
          {evse.credentials_ref && (
            <span className={styles["small"]}>Credentials: {evse.credentials_ref}</span>
          )}
        </>
      ),
      isWideOnly: true,
    },
    {
      title: "Highest power",
      cell: (evse) => (
        <>
          {power(evse.max_power_w)}
          <span className={styles["small"]}>
            {number(evse.connectors.length)} {evse.connectors.length === 1 ? "connector" : "connectors"}
          </span>
        </>
      ),
      isNumber: true,
      isWideOnly: true,
    },
    ...(mayWrite ? [actionsOf(onOpen)] : []),
  ];
}

/** By the picture; by the register where the picture does not hold it. */
function Heard({ evse, zone }: { evse: Evse; zone: string }) {
  const [first] = evse.connectors;
  const live = useConnector(connectorKey(evse.evse_uid, first?.connector_id ?? 1));
  const isOnline = live?.is_online ?? evse.is_online;
  if (!isOnline && !evse.online_changed_at && !live && evse.connectors.every((each) => !each.received_at))
    return <Badge tone="idle">{evse.is_enabled ? "Never heard" : "Disabled"}</Badge>;
  const heard = [...evse.connectors, ...(live ? [live] : [])];
  const times = heard.map((each) => seenAt({ ...each, is_online: isOnline }));
  const heardAt = times.reduce<string | null>((last, at) => (at && (!last || at > last) ? at : last), null);
  return (
    <>
      <Badge tone={isOnline ? "good" : "bad"}>{isOnline ? "Online" : "Offline"}</Badge>{" "}
      {!evse.is_enabled && <Badge tone="idle">Disabled</Badge>}
      <span className={`${styles["small"]} ${styles["line"]}`}>
        <Ago at={heardAt ?? evse.online_changed_at} zone={zone} />
      </span>
    </>
  );
}

function actionsOf(onOpen: (open: OpenStation) => void): Column<Evse> {
  return {
    title: <span className="visually-hidden">Actions</span>,
    cell: (evse) => {
      const button = (what: "change" | "switch" | "delete", word: string) => (
        <Button isSmall onClick={() => onOpen({ what, evse })} aria-label={`${word} ${evse.evse_uid}`}>
          {word}
        </Button>
      );
      return (
        <div className={styles["rowActions"]}>
          {button("change", "Change")}
          {/* A narrow screen has no room for it: the form has it too. */}
          <span className={styles["wideOnly"]}>
            {button("switch", evse.is_enabled ? "Disable" : "Enable")}
          </span>
          {button("delete", "Delete")}
        </div>
      );
    },
  };
}
