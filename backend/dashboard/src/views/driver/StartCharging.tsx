// Start charging: pick a free station, confirm, follow it until the session runs.
import { useState } from "react";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { nameOf, type PlaceConnector, type PlaceStation } from "../status/places";
import { StationsByPlace } from "../status/StationsByPlace";
import { usePlaces } from "../status/useStations";
import { ConfirmCommand } from "./ConfirmCommand";
import { TIMEOUT_S } from "./DriverCommands";
import styles from "./MyCharging.module.css";
import type { DriversCommand, MyCommands } from "./useMyCommands";

interface Props {
  idToken: string;
  commands: MyCommands;
}

export function StartCharging({ idToken, commands }: Props) {
  const { places, error, retry } = usePlaces();
  const [chosen, setChosen] = useState<{ name: string; body: DriversCommand } | null>(null);
  const isUnderWay = commands.open.some((command) => command.command === "start");
  const choose = (station: PlaceStation, connector: PlaceConnector) =>
    setChosen({
      name: `${nameOf(station)}${station.connectors.length > 1 ? `, connector ${connector.connector_id}` : ""}`,
      body: {
        command: "start",
        evse_uid: station.evse_uid,
        connector_id: connector.connector_id,
        params: { id_token: idToken },
        timeout_s: TIMEOUT_S,
        queue_if_offline: false,
      },
    });
  return (
    <section className={styles["free"]} aria-labelledby="start-charging">
      <h2 id="start-charging">Start charging at a free station</h2>
      {places === undefined ? (
        <Card>
          {error === null ? (
            <Loading label="Loading stations" rows={4} />
          ) : (
            <Failure error={error} onRetry={retry} />
          )}
        </Card>
      ) : (
        <StationsByPlace
          places={places}
          isFreeAlways
          none={
            <Empty title="No station is free">This list is live: one appears here as soon as it is.</Empty>
          }
          actionOf={(station, connector) =>
            connector.state === "available" && (
              <Button isSmall kind="primary" disabled={isUnderWay} onClick={() => choose(station, connector)}>
                Start <span className="visually-hidden">charging at {nameOf(station)}</span>
              </Button>
            )
          }
        />
      )}
      {chosen !== null && (
        <ConfirmCommand body={chosen.body} ask={commands.ask} onClose={() => setChosen(null)}>
          <p>
            <b>{chosen.name}</b>
          </p>
        </ConfirmCommand>
      )}
    </section>
  );
}
