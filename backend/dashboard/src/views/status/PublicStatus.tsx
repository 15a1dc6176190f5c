// The public status page: which stations are free, for anybody, without a login.
import { useQuery } from "@tanstack/react-query";
import { asProblem, type Problem } from "../../api/problem";
import { ownZone } from "../../api/queries";
import { exact } from "../../format/time";
import type { ViewProps } from "../../routes";
import { useServices } from "../../services";
import { Card, Page } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { Ago } from "../../ui/Time";
import { PublicFrame } from "./PublicFrame";
import styles from "./PublicFrame.module.css";
import { type PublicPicture, placesOf, publicPicture } from "./publicStatus";
import { StationsByPlace } from "./StationsByPlace";

const EVERY_MS = 5000;

export default function PublicStatus(_: ViewProps) {
  const { config } = useServices();
  const { data, error, refetch } = useQuery({
    queryKey: ["public-status"],
    queryFn: ({ signal }) => publicPicture(config.apiUrl, signal),
    refetchInterval: (query) => (asProblem(query.state.error).status === 404 ? false : EVERY_MS),
    retry: false, // it is asked again soon enough
  });
  const problem = error === null ? null : asProblem(error);
  return (
    <PublicFrame>
      <Page title="Charging stations" aside={data && problem === null && <Freshness picture={data} />}>
        {data !== undefined && problem?.status !== 404 ? (
          <Stations picture={data} problem={problem} />
        ) : (
          <Card>
            <WithoutPicture problem={problem} onRetry={() => void refetch()} />
          </Card>
        )}
      </Page>
    </PublicFrame>
  );
}

function Stations({ picture, problem }: { picture: PublicPicture; problem: Problem | null }) {
  return (
    <>
      {problem !== null && (
        <p role="status" className={styles["old"]}>
          <b>This may be old.</b> It could not be updated since {exact(picture.asOfMs, zoneOf(picture))}.{" "}
          {problem.detail} The page goes on trying.
        </p>
      )}
      <StationsByPlace places={placesOf(picture.answer)} />
      {!picture.answer.is_complete && <p>There are more stations than can be shown here.</p>}
    </>
  );
}

function WithoutPicture({ problem, onRetry }: { problem: Problem | null; onRetry: () => void }) {
  if (problem === null) return <Loading label="Loading stations" rows={6} />;
  if (problem.status === 404)
    return <Empty title="This operator shows no public status">Log in to see which stations are free.</Empty>;
  return <Failure error={problem} onRetry={onRetry} />;
}

function Freshness({ picture }: { picture: PublicPicture }) {
  return (
    <span className={styles["age"]}>
      Updated <Ago at={new Date(picture.asOfMs).toISOString()} zone={zoneOf(picture)} />
    </span>
  );
}

/** The sites' zone where they share one, else the reader's. */
function zoneOf(picture: PublicPicture): string {
  const zones = new Set(picture.answer.sites.map((site) => site.timezone));
  const [only] = zones;
  return zones.size === 1 && only !== undefined ? only : ownZone();
}
