// The texts of one connector, the same for a tile and for a row of the list.
import { money } from "../../format/money";
import { energy, power, quantity, UNKNOWN } from "../../format/number";
import { inWords, SOURCE_WORDS } from "../../format/words";
import type { LiveConnector } from "../../live/protocol";
import { TONE_OF_STATE, type Tone } from "../../ui/Status";
import { newestOf, type Place, stateOfPlace } from "./places";

export interface Told {
  connector: LiveConnector | undefined;
  state: string;
  tone: Tone;
  power: string;
  /** 0 to 1, of what the station can; null: not known. */
  powerShare: number | null;
  /** `22 kW`; null: not known. */
  maxPower: string | null;
  /** Null: no session runs, or nobody says. */
  startedAt: string | null;
  hasSession: boolean | null;
  sessionEnergy: string;
  sessionCost: string;
  source: "solar" | "grid" | null;
  sourceWord: string;
  temperature: string;
  soc: string | null;
  /** Of a fault; null: none. */
  error: string | null;
}

export function toldOf(place: Place, live: LiveConnector | undefined): Told {
  const connector = newestOf(place, live);
  const state = stateOfPlace(place, connector);
  const session = connector?.session;
  const max_power_w = place.evse?.max_power_w ?? null;
  // What an offline station measures now nobody knows; what its session has got so far still counts.
  const measured = connector?.is_online === false ? undefined : connector;
  const power_w = measured?.power_w;
  const source = measured?.energy_source;
  const error = connector?.error_code;
  return {
    connector,
    state,
    tone: TONE_OF_STATE[state] ?? "idle",
    power: power(power_w),
    powerShare:
      max_power_w === null || max_power_w <= 0 || typeof power_w !== "number"
        ? null
        : Math.min(1, Math.max(0, power_w / max_power_w)),
    maxPower: max_power_w === null ? null : wholePower(max_power_w),
    startedAt: session?.started_at ?? null,
    hasSession: session === undefined ? null : session !== null,
    sessionEnergy: energy(session?.energy_wh),
    sessionCost: session ? money(session.cost, session.currency) : UNKNOWN,
    source: source === "solar" || source === "grid" ? source : null,
    sourceWord: typeof source === "string" ? (SOURCE_WORDS[source] ?? inWords(source)) : UNKNOWN,
    temperature: quantity(measured?.temperature_c, "°C", 1),
    soc: typeof measured?.soc_percent === "number" ? quantity(measured.soc_percent, "%") : null,
    error: error && error !== "NoError" ? inWords(error) : null,
  };
}

/** What is written on a station: `22 kW`, `7.4 kW`. */
function wholePower(max_power_w: number): string {
  return max_power_w < 1000 || max_power_w % 1000 !== 0
    ? power(max_power_w)
    : quantity(max_power_w / 1000, "kW");
}

/** What says which connector it is, beside the title. */
export function detailsOf(place: Place, siteName: string | null): string {
  const { evse } = place;
  const model = [evse?.vendor, evse?.model].filter(Boolean).join(" ");
  const details = [
    place.title === place.evseUid ? null : place.evseUid,
    place.isOneOfSeveral ? `connector ${place.connectorId}` : null,
    siteName,
  ].filter((each) => each !== null);
  return details.length === 0 ? model : details.join(" · ");
}
