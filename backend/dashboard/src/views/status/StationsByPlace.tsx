// Stations by site, free ones first, with what each connector is at: for guests, drivers and everybody.
import { type ReactNode, useState } from "react";
import { number } from "../../format/number";
import { Button } from "../../ui/Button";
import { CheckField, TextField } from "../../ui/Field";
import { Card, Toolbar } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { Status } from "../../ui/Status";
import { useSearch } from "../../ui/useSearch";
import { arranged, type Place, type PlaceConnector, type PlaceStation, type ShownPlace } from "./places";
import styles from "./StationsByPlace.module.css";

/** More of one site are shown when they are asked for. */
const MOST = 60;

interface Props {
  places: readonly Place[];
  /** What can be done with a connector: a button. */
  actionOf?: (station: PlaceStation, connector: PlaceConnector) => ReactNode;
  /** Only free ones, without asking. */
  isFreeAlways?: boolean;
  /** Said when no free one is left. */
  none?: ReactNode;
}

/** With a search and "free only", which are kept in the address. */
export function StationsByPlace({ places, actionOf, isFreeAlways = false, none }: Props) {
  const [search, change] = useSearch();
  const text = search.get("q") ?? "";
  const isFreeOnly = isFreeAlways || search.get("free") === "1";
  const shown = arranged(places, text, isFreeOnly);
  return (
    <>
      <Toolbar label="Search stations">
        <TextField
          label="Search"
          isLabelHidden
          type="search"
          placeholder="Station or site"
          value={text}
          onChange={(event) => change({ q: event.target.value })}
        />
        {!isFreeAlways && (
          <div className={styles["check"]}>
            <CheckField
              label="Only free ones"
              checked={isFreeOnly}
              onChange={(event) => change({ free: event.target.checked ? "1" : null })}
            />
          </div>
        )}
      </Toolbar>
      {shown.length === 0 && (
        <Card>
          {places.length === 0 ? (
            <Empty title="No stations yet">They appear here when the operator has set some up.</Empty>
          ) : none !== undefined && text.trim() === "" ? (
            none
          ) : (
            <Empty title="No station fits">
              {isFreeOnly
                ? "No free station has such a name. Show the others too, or come back later."
                : "Nothing has such a name."}
            </Empty>
          )}
        </Card>
      )}
      {shown.map((place) => (
        <OnePlace key={place.key} place={place} actionOf={actionOf} />
      ))}
    </>
  );
}

function OnePlace({ place, actionOf }: { place: ShownPlace; actionOf: Props["actionOf"] }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? place.stations : place.stations.slice(0, MOST);
  return (
    <Card
      title={place.name}
      aside={`${place.city === null ? "" : `${place.city} · `}${number(place.free)} of ${number(place.all)} free`}
    >
      <ul className={styles["stations"]}>
        {shown.map((station) => (
          <li key={station.evse_uid} className={styles["station"]}>
            <h3 className={styles["name"]}>
              {station.name ?? station.evse_uid}
              {station.name !== null && <span className={styles["muted"]}> {station.evse_uid}</span>}
            </h3>
            {station.connectors.length === 0 && <span className={styles["muted"]}>Not heard of yet</span>}
            {station.connectors.map((connector) => (
              <div key={connector.connector_id} className={styles["connector"]}>
                <span>
                  {station.connectors.length > 1 && (
                    <span className={styles["muted"]}>Connector {connector.connector_id}: </span>
                  )}
                  <Status state={connector.state} />
                  {connector.fits !== null && <span className={styles["fits"]}>{connector.fits}</span>}
                </span>
                {actionOf?.(station, connector)}
              </div>
            ))}
          </li>
        ))}
      </ul>
      {shown.length < place.stations.length && (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          Show all {number(place.stations.length)}
        </Button>
      )}
    </Card>
  );
}
