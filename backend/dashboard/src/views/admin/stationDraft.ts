// What the form of a station holds, and what is sent of it. Pure.
import type { components } from "../../api/schema";
import type { Evse } from "../../api/types";

type NewEvse = components["schemas"]["NewEvse"];
type EvseChange = components["schemas"]["EvseChange"];
type Description = components["schemas"]["ConnectorDescription"];

export interface ConnectorDraft {
  /** Of the row, not of the connector. */
  key: number;
  connector_id: string;
  standard: string;
  format: string;
  power_type: string;
  /** It is registered: its number stays, and it cannot be taken away. */
  isKnown: boolean;
}

export interface StationDraft {
  evse_uid: string;
  site_id: string;
  name: string;
  dialect: string;
  base_topic: string;
  max_power_kw: string;
  credentials_ref: string;
  is_enabled: boolean;
  connectors: readonly ConnectorDraft[];
}

/** As the API and OCPI 2.2.1 spell them. */
export const CONNECTOR_CHOICES = {
  standard: [
    ...["IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T1", "IEC_62196_T1_COMBO", "CHADEMO", "GBT_AC"],
    ...["GBT_DC", "CHAOJI", "TESLA_R", "TESLA_S", "IEC_62196_T3A", "IEC_62196_T3C"],
    ...["IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64"],
    ..."ABCDEFGHIJKLMNO".split("").map((letter) => `DOMESTIC_${letter}`),
    ...["5_20", "6_30", "6_50", "10_30", "10_50", "14_30", "14_50"].map((plug) => `NEMA_${plug}`),
    ...["PANTOGRAPH_BOTTOM_UP", "PANTOGRAPH_TOP_DOWN"],
  ],
  format: ["SOCKET", "CABLE"],
  power_type: ["AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"],
} as const;

export function draftOfStation(evse: Evse | null, siteId: string): StationDraft {
  const known = evse?.connectors.map((connector, key) => ({
    key,
    connector_id: String(connector.connector_id),
    standard: connector.standard ?? "",
    format: connector.format ?? "",
    power_type: connector.power_type ?? "",
    isKnown: true,
  }));
  return {
    evse_uid: evse?.evse_uid ?? "",
    site_id: evse === null ? siteId : String(evse.site_id),
    name: evse?.name ?? "",
    dialect: evse?.dialect ?? "native",
    base_topic: evse?.base_topic ?? "",
    max_power_kw: evse === null || evse.max_power_w === null ? "" : String(evse.max_power_w / 1000),
    credentials_ref: evse?.credentials_ref ?? "",
    is_enabled: evse?.is_enabled ?? true,
    connectors: known ?? withConnector([]),
  };
}

/** One more, with the next number. */
export function withConnector(connectors: readonly ConnectorDraft[]): readonly ConnectorDraft[] {
  const next = Math.max(0, ...connectors.map((each) => Number(each.connector_id) || 0)) + 1;
  const key = Math.max(-1, ...connectors.map((each) => each.key)) + 1;
  const described = { standard: "", format: "", power_type: "" };
  return [...connectors, { key, connector_id: String(next), ...described, isKnown: false }];
}

function said(draft: StationDraft) {
  const kw = draft.max_power_kw.trim();
  return {
    site_id: Number(draft.site_id),
    name: draft.name.trim() || null,
    dialect: draft.dialect.trim(),
    base_topic: draft.dialect.trim() === "native" ? null : draft.base_topic.trim() || null,
    max_power_w: kw === "" ? null : Math.round(Number(kw) * 1e6) / 1000,
    credentials_ref: draft.credentials_ref.trim() || null,
    is_enabled: draft.is_enabled,
  };
}

function described(draft: ConnectorDraft): Description {
  // The choices are the API's own; it refuses any other.
  return {
    connector_id: Number(draft.connector_id),
    standard: draft.standard || null,
    format: draft.format || null,
    power_type: draft.power_type || null,
  } as Description;
}

export function newStationOf(draft: StationDraft): NewEvse {
  return {
    ...said(draft),
    evse_uid: draft.evse_uid.trim(),
    connectors: draft.connectors.map(described),
  };
}

/** Only what is another now: what somebody else changes meanwhile, or the station itself says, stays. */
export function stationChangesOf(evse: Evse, draft: StationDraft): EvseChange {
  const changes = Object.entries(said(draft)).filter(([field, value]) => evse[field as keyof Evse] !== value);
  const connectors = draft.connectors.map(described).filter((connector) => {
    const before = evse.connectors.find((each) => each.connector_id === connector.connector_id);
    return (
      before === undefined ||
      (["standard", "format", "power_type"] as const).some((part) => before[part] !== connector[part])
    );
  });
  return { ...Object.fromEntries(changes), ...(connectors.length === 0 ? {} : { connectors }) };
}
