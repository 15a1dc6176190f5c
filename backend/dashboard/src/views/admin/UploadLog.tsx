// Takes in the log that a station kept while it was offline.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import type { Problem } from "../../api/problem";
import { useEvses } from "../../api/queries";
import { number, share } from "../../format/number";
import { useServices } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { FieldRow, Fields, TextField } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import { FileDrop } from "./FileDrop";
import styles from "./Imports.module.css";
import { upload } from "./upload";

/** More make a list that nobody reads, and that browsers are slow to show. */
const MOST_SUGGESTIONS = 500;

export function UploadLog({
  evseUid,
  onDone,
  onClose,
}: {
  evseUid: string;
  onDone: (importId: string) => void;
  onClose: () => void;
}) {
  const { login } = useServices();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const { data: evses } = useEvses();
  const listId = useId();
  const [station, setStation] = useState(evseUid);
  const [connector, setConnector] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [sentShare, setSentShare] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []); // whoever closes the dialog stops it
  const submit = async () => {
    if (file === null) return;
    abort.current = new AbortController();
    setSentShare(0);
    const log = {
      evse_uid: station.trim(),
      connector_id: connector === "" ? null : Number(connector),
      file,
    };
    try {
      const { found, isNew } = await upload(login, log, setSentShare, abort.current.signal);
      announce.done(
        isNew
          ? `${number(found.line_count)} lines of ${found.evse_uid} have come.`
          : "This file was taken in before: nothing is taken in twice.",
      );
      await queries.invalidateQueries({ queryKey: ["imports"] });
      onDone(found.id);
    } finally {
      setSentShare(null);
    }
  };
  return (
    <FormDialog
      title="Import a station's log"
      action="Import"
      isDisabled={file === null}
      onSubmit={submit}
      onProblem={setProblem}
      onClose={onClose}
      staysOpen
    >
      <Fields>
        <FieldRow>
          <TextField
            label="Station"
            required
            autoComplete="off"
            spellCheck={false}
            list={listId}
            value={station}
            onChange={(event) => setStation(event.target.value)}
            hint="Registered and enabled."
            error={problem?.of("evse_uid")}
          />
          <TextField
            label="Connector (optional)"
            type="number"
            min={0}
            max={32767}
            step={1}
            value={connector}
            onChange={(event) => setConnector(event.target.value)}
            hint="Of lines that name none; else 1."
            error={problem?.of("connector_id")}
          />
        </FieldRow>
        <FileDrop file={file} onPick={setFile} />
        {sentShare !== null && (
          <div className={styles["progress"]}>
            <progress value={sentShare} max={1} aria-label="Sent" />
            <span className="tabular">
              {sentShare < 1 ? `${share(sentShare)} sent` : "Sent. The lines are being checked."}
            </span>
          </div>
        )}
      </Fields>
      <datalist id={listId}>
        {evses?.slice(0, MOST_SUGGESTIONS).map(({ evse_uid, name }) => (
          <option key={evse_uid} value={evse_uid} label={name ?? evse_uid} />
        ))}
      </datalist>
    </FormDialog>
  );
}
