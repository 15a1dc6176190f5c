// Which stations are free, live: for guests and drivers.
import { Link } from "wouter";
import type { ViewProps } from "../../routes";
import { useMay } from "../../services";
import { Card, Page } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import { StationsByPlace } from "./StationsByPlace";
import { usePlaces } from "./useStations";

export default function FreeStations(_: ViewProps) {
  const may = useMay();
  const { places, error, retry } = usePlaces();
  return (
    <Page
      title="Free stations"
      aside={may("evse:control_own") && <Link href="/my">Start charging in My charging</Link>}
    >
      {places !== undefined ? (
        <StationsByPlace places={places} />
      ) : (
        <Card>
          {error === null ? (
            <Loading label="Loading stations" rows={6} />
          ) : (
            <Failure error={error} onRetry={retry} />
          )}
        </Card>
      )}
    </Page>
  );
}
