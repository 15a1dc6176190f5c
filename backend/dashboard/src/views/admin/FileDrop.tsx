// Picks one file: by the browser's own dialog, or dropped here.
import { useId, useState } from "react";
import { bytes } from "../../format/number";
import styles from "./Imports.module.css";

export function FileDrop({ file, onPick }: { file: File | null; onPick: (file: File) => void }) {
  const id = useId();
  const [isOver, setOver] = useState(false);
  const pick = (files: FileList | null) => {
    const first = files?.[0];
    if (first !== undefined) onPick(first);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is for the mouse; the input inside is for everybody
    <div
      className={`${styles["drop"]} ${isOver ? styles["over"] : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        pick(event.dataTransfer.files);
      }}
    >
      <label htmlFor={id}>The log, as CSV or NDJSON, also packed (.gz)</label>
      <input
        id={id}
        type="file"
        accept=".csv,.ndjson,.jsonl,.gz,text/csv,application/x-ndjson,application/gzip"
        aria-describedby={`${id}-hint`}
        onChange={(event) => pick(event.target.files)}
      />
      <p id={`${id}-hint`} className={styles["hint"]} role="status">
        {file === null
          ? "Choose a file, or drop it here. Each line needs its timestamp."
          : `${file.name}, ${bytes(file.size)}`}
      </p>
    </div>
  );
}
