// What an entry of the audit log says that has changed, field by field.
import type { AuditEntry } from "../../api/types";
import { exact } from "../../format/time";

export interface FieldChange {
  field: string;
  /** In words; null: the field was not there. */
  before: string | null;
  after: string | null;
}

/** Every field that is named before or after, in the order in which they are named. Instants are said in `zone`. */
export function changesOf(
  { before, after }: Pick<AuditEntry, "before" | "after">,
  zone: string,
): FieldChange[] {
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...fields].map((field) => ({
    field,
    before: before !== null && field in before ? valueInWords(before[field], zone) : null,
    after: after !== null && field in after ? valueInWords(after[field], zone) : null,
  }));
}

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:[\d.]+(Z|[+-]\d\d:\d\d)$/;

function valueInWords(value: unknown, zone: string): string {
  if (value === null || value === undefined) return "none";
  if (value === true) return "yes";
  if (value === false) return "no";
  if (value === "") return "empty";
  if (typeof value === "string") return INSTANT.test(value) ? exact(value, zone) : value;
  if (Array.isArray(value)) return value.map((each) => valueInWords(each, zone)).join(", ") || "empty";
  return JSON.stringify(value);
}

/** All of it in one line: `role: user → operator`. */
export function inOneLine(changes: readonly FieldChange[]): string {
  return changes
    .map(({ field, before, after }) => {
      if (before === null) return `${field}: ${after}`;
      return after === null ? `${field}: was ${before}` : `${field}: ${before} → ${after}`;
    })
    .join(", ");
}
