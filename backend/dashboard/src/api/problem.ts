// What went wrong with a request, in words for a person. RFC 9457 documents from the API, and everything else.

export interface FieldProblem {
  /** The field's path in the request, such as `elements.0.start_time`. */
  field: string;
  message: string;
}

/** No answer came at all. */
const NO_ANSWER = 0;
/** The page itself failed, not a request. */
export const OWN_MISTAKE = -1;

/** A refused or failed request: `status` is HTTP's, or one of the two above. */
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
    return this.status === NO_ANSWER || this.status === 408 || this.status === 429 || this.status >= 502;
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

/**
 * What it means that no answer came. A browser does not tell a page whether a server of another origin is away or
 * has forbidden the page to ask, so both are said.
 */
export function noAnswer(apiUrl: string): Problem {
  if (apiUrl === "") return new Problem(NO_ANSWER, "The server cannot be reached.");
  const here = window.location.origin;
  return new Problem(
    NO_ANSWER,
    `The server at ${apiUrl} cannot be reached from this page. If it runs, its SOLARRALLY_ALLOWED_ORIGINS must name ${here}.`,
  );
}

/** Whatever was thrown, as a problem. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(OWN_MISTAKE, error instanceof Error ? error.message : String(error));
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
