// Choosing alerts by checkboxes, and what can be done with all that are chosen.
import { useState } from "react";
import { number } from "../../format/number";
import { ALERT_KINDS } from "../../format/words";
import { Button } from "../../ui/Button";
import styles from "./Alerts.module.css";
import type { Deed } from "./doneText";
import type { UnresolvedAlert } from "./unresolved";

export interface Selected {
  /** Those of the shown ones that are chosen: what has gone, or is filtered away, is not acted on. */
  alerts: readonly UnresolvedAlert[];
  has: (id: number) => boolean;
  set: (id: number, isChosen: boolean) => void;
  setAll: (ids: readonly number[], isChosen: boolean) => void;
}

export function useSelected(shown: readonly UnresolvedAlert[]): Selected {
  const [ids, setIds] = useState<ReadonlySet<number>>(new Set());
  const setAll = (changed: readonly number[], isChosen: boolean) =>
    setIds((before) => {
      const next = new Set(before);
      for (const id of changed) {
        if (isChosen) next.add(id);
        else next.delete(id);
      }
      return next;
    });
  return {
    alerts: shown.filter((alert) => ids.has(alert.id)),
    has: (id) => ids.has(id),
    set: (id, isChosen) => setAll([id], isChosen),
    setAll,
  };
}

export function SelectAll({ rows, selected }: { rows: readonly UnresolvedAlert[]; selected: Selected }) {
  const isAll = rows.length > 0 && rows.every((alert) => selected.has(alert.id));
  const isSome = !isAll && rows.some((alert) => selected.has(alert.id));
  return (
    <label className={styles["check"]}>
      <span className="visually-hidden">All shown alerts</span>
      <input
        type="checkbox"
        checked={isAll}
        ref={(element) => {
          if (element !== null) element.indeterminate = isSome;
        }}
        onChange={() =>
          selected.setAll(
            rows.map((alert) => alert.id),
            !isAll,
          )
        }
      />
    </label>
  );
}

export function SelectOne({ alert, selected }: { alert: UnresolvedAlert; selected: Selected }) {
  return (
    <label className={styles["check"]}>
      <span className="visually-hidden">
        {ALERT_KINDS[alert.kind]} of {alert.evse_uid}
      </span>
      <input
        type="checkbox"
        checked={selected.has(alert.id)}
        onChange={(event) => selected.set(alert.id, event.target.checked)}
      />
    </label>
  );
}

/** Always there, so that nothing moves when the first one is chosen. */
export function SelectedBar({
  alerts,
  onAsk,
}: {
  alerts: readonly UnresolvedAlert[];
  onAsk: (deed: Deed, alerts: readonly UnresolvedAlert[]) => void;
}) {
  const open = alerts.filter((alert) => alert.status === "open");
  return (
    <div className={styles["selectedBar"]}>
      <Button isSmall disabled={open.length === 0} onClick={() => onAsk("acknowledge", open)}>
        Acknowledge <span className="visually-hidden">selected</span>
      </Button>
      <Button isSmall disabled={alerts.length === 0} onClick={() => onAsk("resolve", alerts)}>
        Resolve <span className="visually-hidden">selected</span>
      </Button>
      <span className={styles["remark"]} role="status">
        {alerts.length === 0
          ? "Select alerts to handle several at once"
          : `${number(alerts.length)} selected`}
      </span>
    </div>
  );
}
