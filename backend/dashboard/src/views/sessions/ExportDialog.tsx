// The selection as a file, with its progress.
import { useEffect, useRef, useState } from "react";
import { download } from "../../api/download";
import { bytes } from "../../format/number";
import { dayTime, zoneName } from "../../format/time";
import { useServices } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { SelectField } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./ExportDialog.module.css";
import { exportOf, type Kind, leftOut } from "./exports";
import type { Selection } from "./TotalsFigures";
import { useAskedUser } from "./UserField";

interface Props {
  selection: Selection;
  zone: string;
  onClose: () => void;
}

export function ExportDialog({ selection, zone, onClose }: Props) {
  const { login } = useServices();
  const announce = useAnnounce();
  const user = useAskedUser();
  const [kind, setKind] = useState<Kind>("sessions");
  const [format, setFormat] = useState("csv");
  const [received_bytes, setReceived] = useState<number | null>(null);
  const end = useRef<AbortController | null>(null);
  useEffect(() => () => end.current?.abort(), []);
  const missing = leftOut(kind, selection, user);
  const submit = async () => {
    end.current = new AbortController();
    setReceived(0);
    try {
      const { path, query } = exportOf(kind, selection, user);
      await download(login, path, { ...query, format }, `${kind}.${format}`, setReceived, end.current.signal);
      announce.done(`The ${kind} are in your downloads.`);
    } finally {
      setReceived(null);
    }
  };
  return (
    <FormDialog title="Export" action="Export" onClose={onClose} onSubmit={submit}>
      <SelectField label="What" value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
        <option value="sessions">Sessions</option>
        <option value="readings">Readings of the stations</option>
        <option value="bills">Bills</option>
      </SelectField>
      <SelectField
        label="Format"
        value={format}
        onChange={(event) => setFormat(event.target.value)}
        hint="CSV opens in a spreadsheet; NDJSON and Parquet are for programs."
      >
        <option value="csv">CSV</option>
        <option value="ndjson">NDJSON</option>
        <option value="parquet">Parquet</option>
      </SelectField>
      <p>
        {WHAT[kind]} from {dayTime(selection.date_from, zone)} to before {dayTime(selection.date_to, zone)} (
        {zoneName(zone)}), with the filters of the list.
      </p>
      {kind === "readings" && (
        <p className={styles["note"]}>At most 31 days at once; of one station, 366 days.</p>
      )}
      {missing.length > 0 && (
        <p className={styles["warning"]}>
          <b>More than the list shows:</b> an export of {kind} cannot be filtered by {missing.join(" or ")}.
        </p>
      )}
      <p role="status" className="tabular">
        {received_bytes === null ? "" : `${bytes(received_bytes)} received. Closing this ends the export.`}
      </p>
    </FormDialog>
  );
}

const WHAT: Record<Kind, string> = {
  sessions: "Sessions that began",
  readings: "Readings taken",
  bills: "Bills issued",
};
