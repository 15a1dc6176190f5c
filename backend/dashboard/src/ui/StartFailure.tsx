// The page could not even start.
import type { Problem } from "../api/problem";
import { Failure } from "./States";

export function StartFailure({ problem, onRetry }: { problem: Problem; onRetry: () => void }) {
  return (
    <main>
      <Failure error={problem} onRetry={onRetry} />
    </main>
  );
}
