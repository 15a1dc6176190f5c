// A modal dialog: the browser's own, which traps the focus, closes on Escape and gives the focus back.
import { type FormEvent, type ReactNode, useContext, useId, useLayoutEffect, useRef, useState } from "react";
import { asProblem, type Problem } from "../api/problem";
import { Button } from "./Button";
import styles from "./Dialog.module.css";
import { ProblemNote } from "./States";
import { SaidByFields, useSaidByFields } from "./saidByFields";
import { OpenDialogs } from "./Toasts";

/** The first that can be filled in gets the focus; `data-focus-first` names another. */
const CONTROL = "form :is(input:not([hidden]), select, textarea)";

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  isWide?: boolean;
}

export function Dialog({ title, onClose, children, isWide = false }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  const openDialog = useContext(OpenDialogs);
  // Before React takes it out of the page: a dialog that is not there any more gives no focus back.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    const leave = element === null ? undefined : openDialog(element);
    // The browser would begin at the button that closes.
    const first =
      element?.querySelector<HTMLElement>("[data-focus-first]") ??
      element?.querySelector<HTMLElement>(CONTROL);
    first?.focus();
    return () => {
      leave?.();
      element?.close();
    };
  }, [openDialog]);
  return (
    <dialog
      ref={dialog}
      className={`${styles["dialog"]} ${isWide ? styles["wide"] : ""}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault(); // React takes it away, not the browser
        onClose();
      }}
    >
      <header className={styles["header"]}>
        <h2 id={titleId}>{title}</h2>
        <Button kind="quiet" isSmall onClick={onClose} aria-label="Close">
          ✕
        </Button>
      </header>
      <div className={styles["body"]}>{children}</div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  /** What the button that does it says: "Add station". */
  action: string;
  isDangerous?: boolean;
  isDisabled?: boolean;
  /** Does it. The dialog closes when it succeeds; a Problem is shown, and handed to the fields. */
  onSubmit: () => Promise<unknown>;
  children: ReactNode;
  /** Told of each problem, null when a new attempt begins. */
  onProblem?: (problem: Problem | null) => void;
  /** Do not close after success: something is to be shown yet. */
  staysOpen?: boolean;
}

/** A dialog that does something: a form with its button, its progress and its problem. */
export function FormDialog({
  action,
  isDangerous = false,
  isDisabled = false,
  onSubmit,
  onProblem,
  staysOpen = false,
  children,
  ...dialog
}: FormDialogProps) {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { said, note } = useSaidByFields();
  const tell = (found: Problem | null) => {
    setProblem(found);
    onProblem?.(found);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    tell(null);
    onSubmit()
      .then(
        () => (staysOpen ? undefined : dialog.onClose()),
        (error: unknown) => tell(asProblem(error)),
      )
      .finally(() => setBusy(false));
  };
  return (
    <Dialog {...dialog}>
      <form onSubmit={submit} className={styles["form"]}>
        <SaidByFields value={note}>{children}</SaidByFields>
        {problem && <ProblemNote problem={problem} said={said} />}
        <footer className={styles["footer"]}>
          <Button onClick={dialog.onClose}>Cancel</Button>
          <Button
            type="submit"
            kind={isDangerous ? "danger" : "primary"}
            isBusy={isBusy}
            disabled={isDisabled}
          >
            {action}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
