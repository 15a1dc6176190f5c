// What a station can be asked for: the words, what will happen, when it makes sense. Pure.
import type { Command } from "../../api/types";

export type CommandWord = Command["command"];

export interface CommandKind {
  word: CommandWord;
  title: string;
  /** On the button that does it. */
  action: string;
  /** What will happen. */
  effect: string;
  isOfConnector: boolean;
  /** Takes power, or the station, away from somebody. */
  isDangerous: boolean;
}

export const COMMAND_KINDS: readonly CommandKind[] = [
  {
    word: "start",
    title: "Start",
    action: "Start charging",
    effect: "The station starts a session. A vehicle must be plugged in, or be plugged in soon.",
    isOfConnector: true,
    isDangerous: false,
  },
  {
    word: "stop",
    title: "Stop",
    action: "Stop charging",
    effect: "The running session ends, and is billed. To go on, the driver has to start another one.",
    isOfConnector: true,
    isDangerous: true,
  },
  {
    word: "pause",
    title: "Pause",
    action: "Pause charging",
    effect: "The vehicle gets no power until you resume. The session goes on.",
    isOfConnector: true,
    isDangerous: true,
  },
  {
    word: "resume",
    title: "Resume",
    action: "Resume charging",
    effect: "The vehicle may take power again, up to the station's own limit.",
    isOfConnector: true,
    isDangerous: false,
  },
  {
    word: "set_current_limit",
    title: "Limit current",
    action: "Set limit",
    effect:
      "No vehicle here gets more than this on each phase, until another limit is set or charging is resumed.",
    isOfConnector: false,
    isDangerous: true,
  },
  {
    word: "unlock",
    title: "Unlock",
    action: "Unlock connector",
    effect: "The connector lets the cable go. A running session ends.",
    isOfConnector: true,
    isDangerous: true,
  },
  {
    word: "reset",
    title: "Reset",
    action: "Reset station",
    effect: "The whole station restarts, and is offline meanwhile.",
    isOfConnector: false,
    isDangerous: true,
  },
  {
    word: "update_firmware",
    title: "Update firmware",
    action: "Update firmware",
    effect: "The station fetches the firmware, installs it and restarts. Nobody can charge meanwhile.",
    isOfConnector: false,
    isDangerous: true,
  },
];

export function kindOf(word: CommandWord): CommandKind {
  const found = COMMAND_KINDS.find((kind) => kind.word === word);
  if (found === undefined) throw new Error(`no such command: ${word}`);
  return found;
}

export interface Situation {
  isEnabled: boolean;
  /** null: not known to whoever asks. */
  hasSession: boolean | null;
  /** What the connector does: `charging`, `suspendedevse`. */
  status: string | null;
}

/** Why it makes no sense now; null when it does. */
export function objectionTo(word: CommandWord, situation: Situation): string | null {
  if (!situation.isEnabled) return "The station is disabled.";
  switch (word) {
    case "start":
      return situation.hasSession ? "a session is running." : null;
    case "stop":
      return situation.hasSession === false ? "no session is running." : null;
    case "pause":
      if (situation.hasSession === false) return "no session is running.";
      return situation.status === "suspendedevse" ? "it is paused." : null;
    case "resume":
      if (situation.hasSession === false) return "no session is running.";
      return situation.status === "charging" ? "it is charging." : null;
    default:
      return null;
  }
}

/** What was asked for, in a few words: `Limit current to 10 A`. */
export function commandText(command: { command: CommandWord; params?: Record<string, unknown> }): string {
  const { title } = kindOf(command.command);
  const { limit_a, kind, version, id_token } = command.params ?? {};
  if (typeof limit_a === "number") return `${title} to ${limit_a} A`;
  if (typeof kind === "string") return `${title} (${kind})`;
  if (typeof version === "string") return `${title} to ${version}`;
  if (typeof id_token === "string") return `${title} for ${id_token}`;
  return title;
}
