// A labelled control with its hint and its error, tied together for screen readers.
import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from "react";
import styles from "./Field.module.css";
import { useSay } from "./saidByFields";

interface Common {
  label: string;
  hint?: ReactNode;
  /** What the server, or we, say is wrong with it. */
  error?: string | null | undefined;
  /** The label is there for screen readers only: filters in a bar. */
  isLabelHidden?: boolean;
}

function useDescription(hint: ReactNode, error: string | null | undefined) {
  useSay(error);
  const id = useId();
  const ids = [hint ? `${id}-hint` : null, error ? `${id}-error` : null].filter((each) => each !== null);
  return {
    id,
    aria: {
      ...(ids.length > 0 ? { "aria-describedby": ids.join(" ") } : {}),
      ...(error ? { "aria-invalid": true } : {}),
    },
  };
}

function Frame({
  id,
  label,
  hint,
  error,
  isLabelHidden = false,
  children,
}: Common & { id: string; children: ReactNode }) {
  return (
    <div className={styles["field"]}>
      <label htmlFor={id} className={isLabelHidden ? "visually-hidden" : styles["label"]}>
        {label}
      </label>
      {children}
      {hint && (
        <p id={`${id}-hint`} className={styles["hint"]}>
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className={styles["error"]}>
          {error}
        </p>
      )}
    </div>
  );
}

export function TextField({
  label,
  hint,
  error,
  isLabelHidden,
  ...rest
}: Common & InputHTMLAttributes<HTMLInputElement>) {
  const { id, aria } = useDescription(hint, error);
  return (
    <Frame {...{ id, label, hint, error, ...(isLabelHidden === undefined ? {} : { isLabelHidden }) }}>
      <input {...rest} {...aria} id={id} className={styles["control"]} />
    </Frame>
  );
}

export function TextArea({
  label,
  hint,
  error,
  isLabelHidden,
  ...rest
}: Common & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const { id, aria } = useDescription(hint, error);
  return (
    <Frame {...{ id, label, hint, error, ...(isLabelHidden === undefined ? {} : { isLabelHidden }) }}>
      <textarea {...rest} {...aria} id={id} className={styles["control"]} />
    </Frame>
  );
}

export function SelectField({
  label,
  hint,
  error,
  isLabelHidden,
  children,
  ...rest
}: Common & SelectHTMLAttributes<HTMLSelectElement>) {
  const { id, aria } = useDescription(hint, error);
  return (
    <Frame {...{ id, label, hint, error, ...(isLabelHidden === undefined ? {} : { isLabelHidden }) }}>
      <select {...rest} {...aria} id={id} className={styles["control"]}>
        {children}
      </select>
    </Frame>
  );
}

export function CheckField({
  label,
  hint,
  ...rest
}: { label: string; hint?: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  const { id, aria } = useDescription(hint, null);
  return (
    <div className={styles["check"]}>
      <input {...rest} {...aria} id={id} type="checkbox" />
      <div>
        <label htmlFor={id}>{label}</label>
        {hint && (
          <p id={`${id}-hint`} className={styles["hint"]}>
            {hint}
          </p>
        )}
      </div>
    </div>
  );
}

/** Fields below each other, and the buttons at the end. */
export function Fields({ children }: { children: ReactNode }) {
  return <div className={styles["fields"]}>{children}</div>;
}

/** Fields beside each other where there is room. */
export function FieldRow({ children }: { children: ReactNode }) {
  return <div className={styles["row"]}>{children}</div>;
}
