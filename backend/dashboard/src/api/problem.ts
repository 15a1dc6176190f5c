// What went wrong with a request, in words for a person. RFC 9457 documents from the API, and everything else.

export interface FieldProblem {
  /** The field's path in the request, such as `elements.0.start_time`. */
  field: string;
  message: string;
}

/** A refused or failed request. `status` is 0 when no answer came at all. */
export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    readonly status: number,
    readonly detail: string,
    readonly fields: readonly FieldProblem[] = [],
    /** When to try again, in seconds from the answer on; null: not said. */
    readonly retryAfterS: number | null = null,
    /** What to quote to whoever reads the server's log. */
    readonly requestId: string | null = null,
  ) {
    super(detail);
  }

  /** What is wrong with one field, for showing beside it; null when nothing is. */
  of(field: string): string | null {
    return this.fields.find((problem) => matches(problem.field, field))?.message ?? null;
  }

  /** Whether the same request may well succeed a little later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 502;
  }
}

/** A union's member may stand in front of a field: `start.params.id_token`. */
function matches(told: string, field: string): boolean {
  return told === field || told.endsWith(`.${field}`);
}

/** The problem that an answer outside 2xx describes. Never throws: proxies answer with anything. */
export async function problemOf(response: Response): Promise<Problem> {
  const retryAfterS = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  const body = await bodyOf(response);
  return new Problem(
    response.status,
    typeof body["detail"] === "string" ? body["detail"] : `The server answered ${response.status}.`,
    Array.isArray(body["errors"]) ? body["errors"].filter(isFieldProblem) : [],
    Number.isFinite(retryAfterS) ? retryAfterS : null,
    response.headers.get("X-Request-ID"),
  );
}

/** Whatever was thrown, as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError) return new Problem(0, "The server cannot be reached.");
  return new Problem(0, error instanceof Error ? error.message : String(error));
}

async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  try {
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {}; // not JSON: some proxy's page
  }
}

function isFieldProblem(value: unknown): value is FieldProblem {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as FieldProblem).field === "string" &&
    typeof (value as FieldProblem).message === "string"
  );
}
