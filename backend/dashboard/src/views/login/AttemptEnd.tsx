// The end of a form before a login: what went wrong, a countdown where the server asks to wait, the button.
import { Problem } from "../../api/problem";
import { about } from "../../format/time";
import { Button } from "../../ui/Button";
import { ProblemNote } from "../../ui/States";
import type { useAttempt } from "./useAttempt";

interface Props {
  attempt: Omit<ReturnType<typeof useAttempt>, "submit">;
  action: string;
}

export function AttemptEnd({ attempt: { isBusy, problem, wait_s }, action }: Props) {
  const mustWait = wait_s !== null && wait_s > 0;
  return (
    <>
      {problem && <ProblemNote problem={wait_s === null ? problem : withoutWait(problem)} />}
      <Button type="submit" kind="primary" isBusy={isBusy} disabled={mustWait}>
        {mustWait ? <span className="tabular">Try again in {about(wait_s)}</span> : action}
      </Button>
    </>
  );
}

/** The button counts down; a second time that stands still beside it would be wrong in a moment. */
function withoutWait({ status, detail, fields, requestId }: Problem): Problem {
  return new Problem(status, detail, fields, null, requestId);
}
