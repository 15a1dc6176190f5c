// What is said when alerts were acknowledged or resolved; somebody else may have been first. Pure.
import type { Alert } from "../../api/types";
import { number } from "../../format/number";

/** How the deed is called when it is done, and which field of an alert says by whom. */
export const DONE = {
  acknowledge: { word: "acknowledged", by: "acknowledged_by" },
  resolve: { word: "resolved", by: "resolved_by" },
} as const;

export type Deed = keyof typeof DONE;

/** The name and the note of whoever was first stay: of those alerts it is said, for a note of one's own is not there. */
export function doneText(deed: Deed, alerts: readonly Alert[], ownName: string): string {
  const { word, by } = DONE[deed];
  const names = alerts.map((alert) => alert[by]).filter((name) => name !== null && name !== ownName);
  const [first] = names;
  if (alerts.length === 1)
    return first === undefined ? `Alert ${word}.` : `The alert was ${word} by ${first} already.`;
  const said = `${number(alerts.length)} alerts ${word}.`;
  if (first === undefined) return said;
  return `${said} ${number(names.length)} of them already by ${[...new Set(names)].join(", ")}.`;
}
