// What an export is asked for, from the filters of the list. Pure.
import type { User } from "../../api/types";
import type { Selection } from "./TotalsFigures";

export type Kind = "sessions" | "readings" | "bills";

/** Which of the list's filters an export knows; it has no others. */
const KNOWN: Record<Kind, readonly (keyof Selection)[]> = {
  sessions: ["site_id", "evse_uid", "status", "id_token", "date_from", "date_to"],
  readings: ["site_id", "evse_uid", "date_from", "date_to"],
  bills: ["site_id", "evse_uid", "id_token", "date_from", "date_to"],
};

const IN_WORDS: Partial<Record<keyof Selection, string>> = {
  status: "state",
  id_token: "the driver's token",
  user_id: "user",
  energy_min_wh: "least energy",
};

export function exportOf(
  kind: Kind,
  selection: Selection,
  user: User | undefined,
): { path: string; query: Record<string, string | number | readonly string[] | undefined> } {
  const filters = byToken(selection, user);
  return {
    path: `/api/v1/exports/${kind}`,
    query: Object.fromEntries(KNOWN[kind].map((name) => [name, filters[name]])),
  };
}

/** The filters, in words, that the export cannot keep: it would hold more than the list shows. */
export function leftOut(kind: Kind, selection: Selection, user: User | undefined): string[] {
  const filters = byToken(selection, user);
  return Object.entries(IN_WORDS)
    .filter(([name]) => filters[name as keyof Selection] !== undefined)
    .filter(([name]) => !KNOWN[kind].includes(name as keyof Selection))
    .map(([, words]) => words);
}

/** A user's sessions are those of the token that is theirs now: that is a filter which exports know. */
function byToken(selection: Selection, user: User | undefined): Selection {
  const { user_id, ...filters } = selection;
  if (user_id === undefined || user?.id !== user_id || user.id_token === null) return selection;
  return filters.id_token === undefined ? { ...filters, id_token: user.id_token } : selection;
}
