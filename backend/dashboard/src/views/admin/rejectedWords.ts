// Why a message was rejected, in words, and what to do about it. The same advice as `solarrally rejected show`.
import { inWords } from "../../format/words";

const REASONS: Record<string, string> = {
  malformed_json: "No JSON",
  invalid_field: "A field is wrong",
  says_nothing: "Says nothing that we know",
  unknown_station: "Station not registered",
  station_disabled: "Station disabled",
  bad_station_id: "Bad name of a station",
  bad_record: "Not from the IoT rule",
  bad_failed_action: "Not from a rule's error action",
  refused_by_database: "Refused by the database",
};

const ADVICE: Record<string, string> = {
  malformed_json: "The payload is no JSON. Look at its end: a device with a small buffer cuts it short.",
  invalid_field: "A field has a wrong type or value. Correct the device, or the message in an export.",
  says_nothing: "None of the fields is one that we know. Compare it with docs/wire-formats.md.",
  empty_payload: "An empty message, as one that clears a retained one. Nothing can be read from it.",
  empty_array: "An array without readings. Nothing can be read from it.",
  payload_too_large: "Above SOLARRALLY_MAX_PAYLOAD_BYTES. The device should send smaller arrays.",
  unknown_topic: "No decoder reads this topic. A newer version may: then re-ingest it.",
  bad_station_id: "The station's name in the topic cannot be one. Correct the device.",
  unknown_station: "The station is not registered. Register it, then re-ingest its messages.",
  unknown_command: "An answer to a command that this station was not sent. It has no effect.",
  station_disabled: "The station is disabled. Enable it, then re-ingest its messages.",
  bad_record: "No record of the IoT rule: was its statement changed, or does another write to it?",
  bad_failed_action: "No entry of a rule's error action. Look who else writes to that queue.",
  refused_by_database: "The database refused the content. It is worth a bug report, with the payload.",
};

export function reasonInWords(reason: string): string {
  return REASONS[reason] ?? inWords(reason);
}

/** What to do about it; null where nobody has said it. */
export function adviceOn(reason: string): string | null {
  return ADVICE[reason] ?? null;
}
