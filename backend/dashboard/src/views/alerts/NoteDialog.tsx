// Acknowledges or resolves alerts, one after the other, with a note that all of them get.
import { useRef, useState } from "react";
import { dataOf } from "../../api/client";
import { asProblem, Problem } from "../../api/problem";
import type { Alert } from "../../api/types";
import { number } from "../../format/number";
import { ALERT_KINDS } from "../../format/words";
import { useApi, useMe } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { TextArea } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Alerts.module.css";
import { type Deed, DONE, doneText } from "./doneText";
import { useTakeIn } from "./queries";
import type { UnresolvedAlert } from "./unresolved";

const WORDS = {
  acknowledge: {
    action: "Acknowledge",
    effect: "Everybody sees that you have taken this on. It stays in the list until it is over or resolved.",
  },
  resolve: {
    action: "Resolve",
    effect:
      "It counts as settled and leaves the list, also while its cause lasts. It opens again only when the cause was gone once and comes anew.",
  },
} as const;

interface Props {
  deed: Deed;
  alerts: readonly UnresolvedAlert[];
  /** Told of each that is done. */
  onDone: (alert: Alert) => void;
  onClose: () => void;
}

export function NoteDialog({ deed, alerts, onDone, onClose }: Props) {
  const send = useSend(deed);
  const announce = useAnnounce();
  const { user } = useMe();
  const takeIn = useTakeIn();
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const [doneCount, setDoneCount] = useState(0);
  // What is done is not sent again when the rest is tried once more.
  const left = useRef([...alerts]);
  const done = useRef<Alert[]>([]);
  const words = WORDS[deed];
  const submit = async () => {
    const failures: { alert: UnresolvedAlert; problem: Problem }[] = [];
    for (const alert of [...left.current]) {
      try {
        const answer = await send(alert.id, note.trim());
        takeIn(answer);
        done.current.push(answer);
        onDone(answer);
        left.current = left.current.filter((each) => each.id !== alert.id);
        setDoneCount(alerts.length - left.current.length);
      } catch (error) {
        failures.push({ alert, problem: asProblem(error) });
      }
    }
    const [first] = failures;
    if (first !== undefined) throw outcome(alerts.length, failures.length, first, DONE[deed].word);
    announce.done(doneText(deed, done.current, user.username));
  };
  const [only] = alerts;
  return (
    <FormDialog
      title={
        alerts.length === 1 ? `${words.action} this alert` : `${words.action} ${number(alerts.length)} alerts`
      }
      action={words.action}
      onSubmit={submit}
      onProblem={setProblem}
      onClose={onClose}
    >
      {alerts.length === 1 && only !== undefined && (
        <p>
          <b>{ALERT_KINDS[only.kind]}</b> on {only.evse_uid}
          {only.connector_id !== null && `, connector ${only.connector_id}`}
        </p>
      )}
      <p className={styles["remark"]}>{words.effect}</p>
      <TextArea
        label="Note"
        hint="What others should know. Left empty, the note there is stays."
        maxLength={1000}
        value={note}
        onChange={(event) => setNote(event.target.value)}
        error={problem?.of("note")}
      />
      {alerts.length > 1 && (
        <p role="status" className="tabular">
          {number(doneCount)} of {number(alerts.length)} done
        </p>
      )}
    </FormDialog>
  );
}

function useSend(deed: Deed): (alertId: number, note: string) => Promise<Alert> {
  const api = useApi();
  return (alert_id, note) => {
    const request = { params: { path: { alert_id } }, body: { note: note === "" ? null : note } };
    return dataOf(
      deed === "acknowledge"
        ? api.POST("/api/v1/alerts/{alert_id}/acknowledge", request)
        : api.POST("/api/v1/alerts/{alert_id}/resolve", request),
    );
  };
}

/** One alert's problem as it is; of several, how many are done and why the first was not. */
function outcome(
  count: number,
  failedCount: number,
  first: { alert: UnresolvedAlert; problem: Problem },
  done: string,
): Problem {
  const { alert, problem } = first;
  if (count === 1) return problem;
  return new Problem(
    problem.status,
    `${number(count - failedCount)} of ${number(count)} ${done}. ${alert.evse_uid}: ${problem.detail}`,
    problem.fields,
    problem.retryAfterS,
    problem.requestId,
  );
}
