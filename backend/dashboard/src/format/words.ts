// The wire's words in a person's: statuses, kinds of alerts, reasons.
import type { AlertKind, AlertSeverity } from "../api/types";

/** `over_temperature` as `Over temperature`; `EVDisconnected` as `EV disconnected`. */
export function inWords(word: string | null | undefined): string {
  if (!word) return "–";
  const spaced = word
    .replace(/_/g, " ")
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
  const [first = "", ...rest] = spaced.split(" ");
  const lowered = rest.map((each) => (/^[A-Z]{2,}$/.test(each) ? each : each.toLowerCase()));
  return [first.charAt(0).toUpperCase() + first.slice(1), ...lowered].join(" ");
}

/** A unit at the end of a field's name: people read it behind the value. */
const UNIT = /_(w|wh|a|v|s|ms|c)$/;

/** A field's path in a request, `elements.0.start_time`, as `Element 1, start time`. */
export function fieldInWords(path: string): string {
  const steps = path.split(".").filter((step) => step !== "params" && step !== "body");
  const words = steps.flatMap((step, index) => {
    const next = Number(steps[index + 1]);
    if (/^\d+$/.test(step)) return [];
    if (Number.isInteger(next)) return [`${inWords(step.replace(/s$/, ""))} ${next + 1}`];
    return [inWords(step.replace(/_ids?$/, "").replace(UNIT, ""))];
  });
  const [first = path, ...rest] = words;
  return [first, ...rest.map((each) => each.charAt(0).toLowerCase() + each.slice(1))].join(", ");
}

export const ALERT_KINDS: Record<AlertKind, string> = {
  faulted: "Faulted",
  offline: "Offline",
  over_temperature: "Over temperature",
  clock_wrong: "Clock wrong",
  energy_implausible: "Energy implausible",
  session_stuck: "Session stuck",
};

export const ALERT_SEVERITIES: Record<AlertSeverity, string> = {
  critical: "Critical",
  warning: "Warning",
  info: "Info",
};

/** What happens to a station, as an operator says it. */
export const STATUS_WORDS: Record<string, string> = {
  available: "Available",
  preparing: "Preparing",
  charging: "Charging",
  suspendedev: "Paused by car",
  suspendedevse: "Paused by station",
  finishing: "Finishing",
  reserved: "Reserved",
  unavailable: "Unavailable",
  faulted: "Faulted",
  occupied: "Occupied",
  offline: "Offline",
  disabled: "Disabled",
  unknown: "Unknown",
  unseen: "Never seen",
};

export const SOURCE_WORDS: Record<string, string> = { solar: "Solar", grid: "Grid", none: "None" };
