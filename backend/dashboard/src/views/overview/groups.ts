// The states as an operator tells them apart at a glance: what needs somebody comes first.

export interface Group {
  id: string;
  title: string;
  /** The state whose shape and colour stand for the group. */
  icon: string;
  states: readonly string[];
  /** Shown even when nothing is in it: a quiet 0 is news too. */
  isAlwaysShown: boolean;
}

const OCCUPIED = ["preparing", "suspendedev", "suspendedevse", "finishing", "reserved", "occupied"];

export const GROUPS: readonly Group[] = [
  group("faulted", "Faulted", ["faulted"], true),
  group("offline", "Offline", ["offline"], true),
  group("charging", "Charging", ["charging"], true),
  group("occupied", "Occupied", OCCUPIED, true),
  group("available", "Available", ["available"], true),
  group("unavailable", "Unavailable", ["unavailable", "unknown"], false),
  group("disabled", "Disabled", ["disabled"], false),
  group("unseen", "Never seen", ["unseen"], false),
];

function group(id: string, title: string, states: readonly string[], isAlwaysShown: boolean): Group {
  return { id, title, icon: id, states, isAlwaysShown };
}

const RANK_OF_STATE = new Map(GROUPS.flatMap((each, rank) => each.states.map((state) => [state, rank])));
const OTHER = GROUPS.findIndex((each) => each.id === "unavailable");

/** Where the state's group stands in the row; a word that is new to us is an unavailable one. */
export function rankOf(state: string): number {
  return RANK_OF_STATE.get(state) ?? OTHER;
}

export function groupOf(state: string): string {
  return GROUPS[rankOf(state)]?.id ?? "unavailable";
}
