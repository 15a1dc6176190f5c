// What a view shows while it loads, when there is nothing, and when something went wrong.
import type { ReactNode } from "react";
import { asProblem, OWN_MISTAKE, type Problem } from "../api/problem";
import { about } from "../format/time";
import { fieldInWords } from "../format/words";
import { Button } from "./Button";
import styles from "./States.module.css";

/** A quiet placeholder of about the size of what will come. */
export function Loading({ label = "Loading", rows = 3 }: { label?: string; rows?: number }) {
  return (
    <div className={styles["loading"]} role="status">
      <span className="visually-hidden">{label}</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike and never move
        <span key={row} className={styles["bar"]} aria-hidden="true" />
      ))}
    </div>
  );
}

/** Nothing here, why, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={styles["empty"]}>
      <p className={styles["title"]}>{title}</p>
      {children && <div className={styles["text"]}>{children}</div>}
    </div>
  );
}

/** What went wrong, in place of what could not be loaded. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = asProblem(error);
  return (
    <div className={styles["failure"]} role="alert">
      <p className={styles["title"]}>{titleOf(problem)}</p>
      <ProblemText problem={problem} />
      {onRetry && problem.status !== 403 && problem.status !== 404 && (
        <Button isSmall onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What went wrong with something that was tried: in a form. `said`: what fields say of it themselves. */
export function ProblemNote({ problem, said = [] }: { problem: Problem; said?: readonly string[] }) {
  return (
    <div className={styles["note"]} role="alert">
      <ProblemText problem={problem} said={said} />
    </div>
  );
}

function ProblemText({ problem, said = [] }: { problem: Problem; said?: readonly string[] }) {
  const unsaid = problem.fields.filter((each) => !said.includes(each.message));
  return (
    <div className={styles["text"]}>
      <p>{problem.detail}</p>
      {unsaid.length > 0 && (
        <ul className={styles["fields"]}>
          {unsaid.map((each) => (
            <li key={each.field + each.message}>
              <b>{fieldInWords(each.field)}</b>: {each.message}
            </li>
          ))}
        </ul>
      )}
      {problem.retryAfterS !== null && <p>Try again in {about(problem.retryAfterS)}.</p>}
      {problem.requestId !== null && problem.status >= 500 && <p>Request {problem.requestId}</p>}
    </div>
  );
}

function titleOf(problem: Problem): string {
  if (problem.status === OWN_MISTAKE) return "This page could not go on";
  if (problem.status === 0) return "No answer";
  if (problem.status === 403) return "You may not see this";
  if (problem.status === 404) return "There is no such thing";
  if (problem.status === 429) return "Too many requests";
  if (problem.status >= 500) return "The server could not do this";
  return "This did not work";
}
