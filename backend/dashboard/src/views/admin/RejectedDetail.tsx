// One rejected message: why, what it says, what to do about it.
import { ownZone } from "../../api/queries";
import type { RejectedMessage } from "../../api/types";
import { bytes } from "../../format/number";
import { CopyButton } from "../../ui/CopyButton";
import { Dialog } from "../../ui/Dialog";
import { Facts } from "../../ui/Page";
import { Time } from "../../ui/Time";
import { readable } from "./payload";
import styles from "./Rejected.module.css";
import { adviceOn, reasonInWords } from "./rejectedWords";

export function RejectedDetail({ message, onClose }: { message: RejectedMessage; onClose: () => void }) {
  const payload = readable(message.payload_base64);
  const isWhole = payload.size_bytes === message.payload_size_bytes;
  const size = bytes(message.payload_size_bytes);
  return (
    <Dialog title={`Rejected message ${message.id}`} isWide onClose={onClose}>
      <Facts
        facts={[
          ["Received", <Time key="at" at={message.received_at} zone={ownZone()} withZone />],
          ["Topic", <code key="topic">{message.topic}</code>],
          ["Reason", `${reasonInWords(message.reason)} (${message.reason})`],
          ["Field", message.field === null ? "–" : <code key="field">{message.field}</code>],
          ["Detail", message.detail || "–"],
          ["Size", isWhole ? size : `${size}, of which the first ${bytes(payload.size_bytes)} are kept`],
        ]}
      />
      <section className={styles["section"]}>
        <div className={styles["head"]}>
          <h3>Payload, as {payload.kind}</h3>
          {payload.size_bytes > 0 && <CopyButton text={payload.text} label="Copy the payload" />}
        </div>
        {payload.size_bytes === 0 ? (
          <p>It is empty.</p>
        ) : (
          <pre
            className={`${styles["payload"]} ${payload.kind === "bytes" ? styles["bytes"] : ""}`}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs the focus to be scrolled by keys
            tabIndex={0}
          >
            {payload.text}
          </pre>
        )}
      </section>
      <section className={styles["section"]}>
        <h3>What to do</h3>
        <p>{adviceOn(message.reason) ?? "Nobody has written down yet what to do about this reason."}</p>
        {isWhole ? (
          <TryAgain id={message.id} />
        ) : (
          <p>It was cut short when it was kept, so it cannot be taken up again.</p>
        )}
      </section>
    </Dialog>
  );
}

function TryAgain({ id }: { id: number }) {
  const command = `solarrally rejected reingest ${id}`;
  return (
    <>
      <p>When the cause is mended, hand it to the ingestor once more, on the server:</p>
      <div className={styles["head"]}>
        <code>{command}</code>
        <CopyButton text={command} label="Copy the command" />
      </div>
    </>
  );
}
