// A form's attempts: whether one is on its way, what went wrong, how long to wait before the next.
import { type FormEvent, useState } from "react";
import { asProblem, type Problem } from "../../api/problem";
import { useSecondsUntil } from "../../ui/useSecondsUntil";

interface Attempt {
  isBusy: boolean;
  problem: Problem | null;
  /** Seconds in which the server takes no further attempt; null: it did not ask to wait. */
  wait_s: number | null;
  submit: (event: FormEvent) => void;
}

export function useAttempt(work: () => Promise<unknown>): Attempt {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [untilMs, setUntilMs] = useState<number | null>(null);
  const wait_s = useSecondsUntil(untilMs);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    setUntilMs(null);
    work()
      .catch((error: unknown) => {
        const found = asProblem(error);
        setProblem(found);
        setUntilMs(found.retryAfterS === null ? null : performance.now() + found.retryAfterS * 1000);
      })
      .finally(() => setBusy(false));
  };
  return { isBusy, problem, wait_s, submit };
}
