// What is sent to the API for a command, from what was filled in. Pure.
import type { components } from "../../api/schema";
import type { CommandWord } from "./commandKinds";

type Schemas = components["schemas"];
export type NewCommand =
  | Schemas["NewStart"]
  | Schemas["NewStop"]
  | Schemas["NewPause"]
  | Schemas["NewResume"]
  | Schemas["NewCurrentLimit"]
  | Schemas["NewReset"]
  | Schemas["NewUnlock"]
  | Schemas["NewFirmware"];

export interface Target {
  evse_uid: string;
  /** As people call it. */
  name: string;
  connector_id: number;
  /** More than one connector: a limit may be for one of them. */
  hasMore: boolean;
  isOnline: boolean;
  /** The session that ran when the dialog opened: a later one must not be stopped in its place. */
  session_id: string | null;
}

/** What the dialog asks for, each as its control holds it. */
export interface Fields {
  id_token: string;
  limit_a: string;
  scope: "station" | "connector";
  kind: "soft" | "hard";
  url: string;
  version: string;
  sha256: string;
}

export const NOTHING: Fields = {
  id_token: "",
  limit_a: "",
  scope: "station",
  kind: "soft",
  url: "",
  version: "",
  sha256: "",
};

export function bodyOf(
  word: CommandWord,
  target: Target,
  fields: Fields,
  timeout_s: number,
  queue_if_offline: boolean,
): NewCommand {
  const { evse_uid, connector_id } = target;
  const common = { evse_uid, timeout_s, queue_if_offline };
  switch (word) {
    case "start": {
      const id_token = fields.id_token.trim();
      return { ...common, command: word, connector_id, ...(id_token === "" ? {} : { params: { id_token } }) };
    }
    case "stop":
      return target.session_id === null
        ? { ...common, command: word, connector_id }
        : { ...common, command: word, connector_id, params: { session_id: target.session_id } };
    case "pause":
    case "resume":
    case "unlock":
      return { ...common, command: word, connector_id };
    case "set_current_limit":
      return {
        ...common,
        command: word,
        params: { limit_a: Number(fields.limit_a) },
        ...(fields.scope === "connector" ? { connector_id } : {}),
      };
    case "reset":
      return { ...common, command: word, params: { kind: fields.kind } };
    case "update_firmware": {
      const version = fields.version.trim();
      const sha256 = fields.sha256.trim();
      return {
        ...common,
        command: word,
        params: {
          url: fields.url.trim(),
          ...(version === "" ? {} : { version }),
          ...(sha256 === "" ? {} : { sha256 }),
        },
      };
    }
  }
}
