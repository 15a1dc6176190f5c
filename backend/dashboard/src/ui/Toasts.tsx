// Short notices of what has happened, also for screen readers. They go by themselves; problems stay until closed.
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { createPortal } from "react-dom";
import { asProblem } from "../api/problem";
import { fieldInWords } from "../format/words";
import { useLoginState } from "../services";
import { Button } from "./Button";
import styles from "./Toasts.module.css";

interface Toast {
  id: number;
  text: string;
  isProblem: boolean;
}

interface Announce {
  done: (text: string) => void;
  failed: (error: unknown) => void;
}

const SHOWN_MS = 6000;
const AnnounceContext = createContext<Announce | null>(null);

/** Where other notices go, so that none lies on another; null until it is there. */
export const NoticePlace = createContext<HTMLElement | null>(null);

/** Told of each modal dialog that opens; returns how to tell that it closes. */
export const OpenDialogs = createContext<(dialog: HTMLElement) => () => void>(() => () => undefined);

export function useAnnounce(): Announce {
  const announce = useContext(AnnounceContext);
  if (announce === null) throw new Error("Toasts is missing above");
  return announce;
}

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const lastId = useRef(0);
  const state = useLoginState();
  const userId = "me" in state ? state.me.user.id : null;
  useEffect(() => {
    // What one user was told is not for the next one.
    if (userId !== null) return () => setToasts([]);
    return undefined;
  }, [userId]);
  const remove = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const announce = useMemo<Announce>(() => {
    const add = (text: string, isProblem: boolean) => {
      lastId.current += 1;
      const id = lastId.current;
      setToasts((all) => [...all.slice(-4), { id, text, isProblem }]);
      if (!isProblem) setTimeout(() => remove(id), SHOWN_MS);
    };
    return {
      done: (text) => add(text, false),
      failed: (error) => {
        const problem = asProblem(error);
        const fields = problem.fields
          .map((each) => ` ${fieldInWords(each.field)}: ${each.message}.`)
          .join("");
        add(problem.detail + fields, true);
      },
    };
  }, [remove]);
  const [pagePlace, setPagePlace] = useState<HTMLElement | null>(null);
  const [dialogPlace, setDialogPlace] = useState<HTMLElement | null>(null);
  const [dialogs, setDialogs] = useState<readonly HTMLElement[]>([]);
  const openDialog = useCallback((dialog: HTMLElement) => {
    setDialogs((open) => [...open, dialog]);
    return () => setDialogs((open) => open.filter((each) => each !== dialog));
  }, []);
  const top = dialogs[dialogs.length - 1];
  return (
    <AnnounceContext value={announce}>
      <OpenDialogs value={openDialog}>
        <NoticePlace value={dialogPlace ?? pagePlace}>{children}</NoticePlace>
      </OpenDialogs>
      {/* Always there, also when empty: screen readers announce what comes into a region that they know. */}
      <Layer toasts={top === undefined ? toasts : []} onRemove={remove} place={setPagePlace} />
      {/* What is not in a modal dialog lies under it, and cannot be pressed. */}
      {top && createPortal(<Layer toasts={toasts} onRemove={remove} place={setDialogPlace} />, top)}
    </AnnounceContext>
  );
}

function Layer({
  toasts,
  onRemove,
  place,
}: {
  toasts: readonly Toast[];
  onRemove: (id: number) => void;
  /** Of the other notices. */
  place: (element: HTMLElement | null) => void;
}) {
  return (
    <div className={styles["layer"]}>
      <div ref={place} />
      <div className={styles["toasts"]} role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={`${styles["toast"]} ${toast.isProblem ? styles["problem"] : ""}`}>
            <span>{toast.text}</span>
            <Button kind="quiet" isSmall aria-label="Dismiss" onClick={() => onRemove(toast.id)}>
              ✕
            </Button>
          </div>
        ))}
      </div>
    </div>
  );
}
