// The public status as the API tells it to anybody, and its sites as the list shows them.

import { noAnswer, problemOf } from "../../api/problem";
import type { components } from "../../api/schema";
import { serverNowMs } from "../../clock";
import type { Place } from "./places";

type Answer = components["schemas"]["PublicStatusAnswer"];

export interface PublicPicture {
  answer: Answer;
  /** When it was known to be so: an unchanged answer keeps its `generated_at`. In ms since 1970. */
  asOfMs: number;
}

/** Asked without a login, not even for one: this is everybody's page. The browser sends the ETag. Throws a Problem. */
export async function publicPicture(apiUrl: string, signal: AbortSignal): Promise<PublicPicture> {
  let response: Response;
  try {
    response = await fetch(`${apiUrl}/api/v1/public/status`, { signal, credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw noAnswer(apiUrl);
  }
  if (!response.ok) throw await problemOf(response);
  return { answer: (await response.json()) as Answer, asOfMs: serverNowMs() };
}

export function placesOf(answer: Answer): Place[] {
  return answer.sites.map((site, index) => ({
    key: `${index} ${site.name}`,
    name: site.name,
    city: site.city,
    zone: site.timezone,
    stations: site.evses.map((evse) => ({
      evse_uid: evse.evse_uid,
      name: evse.name,
      connectors: evse.connectors.map((connector) => ({
        connector_id: connector.connector_id,
        state: evse.is_online ? connector.status : "offline",
        fits: fits(connector.standard, connector.power_type),
      })),
    })),
  }));
}

const STANDARDS: Record<string, string> = {
  IEC_62196_T1: "Type 1",
  IEC_62196_T1_COMBO: "CCS 1",
  IEC_62196_T2: "Type 2",
  IEC_62196_T2_COMBO: "CCS 2",
  CHADEMO: "CHAdeMO",
};

/** What fits a connector: `Type 2, AC`. */
function fits(standard: string | null, powerType: string | null): string | null {
  const words = [
    standard === null ? null : (STANDARDS[standard] ?? standard.replaceAll("_", " ")),
    powerType === null ? null : powerType.slice(0, 2),
  ].filter((word) => word !== null);
  return words.length === 0 ? null : words.join(", ");
}
