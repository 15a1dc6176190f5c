// Asks for the history of a connector: page after page up to a bound, as points of the charts.
import { type Api, dataOf } from "../../api/client";
import type { TelemetryBucket, TelemetryReading } from "../../api/types";
import type { EnergyBySource } from "../sessions/SourceBar";
import { energyOf } from "./energySums";
import { type Point, pointOfBucket, pointOfReading } from "./points";
import type { Resolution } from "./range";

export interface History {
  resolution: Resolution;
  points: Point[];
  /** Of the whole range; null where single readings were asked for, or nobody said an energy. */
  energy: EnergyBySource | null;
  /** Single readings before it were dropped; null: none ever were. */
  raw_since: string | null;
  /** There was more than the page can show: only the newest is here. */
  isCut: boolean;
}

export interface Asked {
  evse_uid: string;
  connector_id: number;
  resolution: Resolution;
  from_ms: number;
  to_ms: number;
}

const PAGE = 1000;
const MOST_PAGES = 8;

/** Where single readings are kept no more, averages over 15 minutes are: they are asked for then. */
export async function historyOf(api: Api, asked: Asked, signal: AbortSignal): Promise<History> {
  const history = await pagesOf(api, asked, signal);
  const needsReadings = asked.resolution === "raw" || asked.resolution === "1min";
  if (needsReadings && history.raw_since !== null && Date.parse(history.raw_since) >= asked.to_ms)
    return pagesOf(api, { ...asked, resolution: "15min" }, signal);
  return history;
}

async function pagesOf(api: Api, asked: Asked, signal: AbortSignal): Promise<History> {
  const { evse_uid, connector_id, resolution, from_ms, to_ms } = asked;
  const readings: TelemetryReading[] = [];
  const buckets: TelemetryBucket[] = [];
  let raw_since: string | null = null;
  let cursor: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await dataOf(
      api.GET("/api/v1/evses/{evse_uid}/telemetry", {
        params: {
          path: { evse_uid },
          query: {
            connector_id,
            resolution,
            date_from: new Date(from_ms).toISOString(),
            date_to: new Date(to_ms).toISOString(),
            measurand: [
              "power",
              "voltage",
              "current",
              "temperature",
              ...(resolution === "raw" ? [] : ["energy" as const]),
            ],
            sort: "-ts", // the newest first: where there is too much, the oldest is left out
            limit: PAGE,
            ...(cursor === undefined ? {} : { cursor }),
          },
        },
        signal,
      }),
    );
    raw_since = answer.raw_since;
    if (answer.resolution === "raw") readings.push(...answer.items);
    else buckets.push(...answer.items);
    cursor = answer.next_cursor ?? undefined;
    if (cursor === undefined) break;
  }
  const nowMs = Math.min(to_ms, Date.now());
  const points =
    resolution === "raw"
      ? readings.map(pointOfReading)
      : buckets.map((bucket) => pointOfBucket(bucket, nowMs));
  return {
    resolution,
    points: points.reverse(),
    energy: resolution === "raw" ? null : energyOf(buckets),
    raw_since,
    isCut: cursor !== undefined,
  };
}
