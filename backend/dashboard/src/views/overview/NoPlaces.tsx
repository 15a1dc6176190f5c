// What is said when stations are missing: why, and what to do.
import type { ReactNode } from "react";
import { Link } from "wouter";
import { asProblem } from "../../api/problem";
import { useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Page";
import { Empty, Failure, ProblemNote } from "../../ui/States";
import styles from "./Overview.module.css";

interface Props {
  isLoading: boolean;
  error: Error | null;
  onRetry: () => void;
  /** There are stations; the filters leave none. */
  isFiltered: boolean;
  /** How to get out of the filters. */
  children: ReactNode;
}

/** The register did not come, but stations that speak did: what is missing then. */
export function NoRegister({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <div className={styles["problem"]}>
      <ProblemNote problem={asProblem(error)} />
      <span>
        Names, and stations that have not spoken, are missing.{" "}
        <Button isSmall onClick={onRetry}>
          Try again
        </Button>
      </span>
    </div>
  );
}

const PLACEHOLDERS = Array.from({ length: 12 }, (_, index) => index);

export function NoPlaces({ isLoading, error, onRetry, isFiltered, children }: Props) {
  const may = useMay();
  if (isLoading) {
    return (
      <div role="status" className={styles["placeholders"]}>
        <span className="visually-hidden">Loading the stations</span>
        {PLACEHOLDERS.map((index) => (
          <div key={index} className={styles["placeholder"]} aria-hidden="true" />
        ))}
      </div>
    );
  }
  if (isFiltered) {
    return (
      <Card>
        <Empty title="No station is like that.">{children}</Empty>
      </Card>
    );
  }
  if (error !== null) {
    return (
      <Card>
        <Failure error={error} onRetry={onRetry} />
      </Card>
    );
  }
  return (
    <Card>
      <Empty title="There is no station yet.">
        <p>
          A station appears here by itself once it first speaks
          {may("evse:write") ? (
            <>
              , or when you <Link href="/admin/stations">register it</Link>.
            </>
          ) : (
            "."
          )}
        </p>
      </Empty>
    </Card>
  );
}
