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
import { asProblem } from "../api/problem";
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
        const fields = problem.fields.map((each) => ` ${each.field}: ${each.message}.`).join("");
        add(problem.detail + fields, true);
      },
    };
  }, [remove]);
  return (
    <AnnounceContext value={announce}>
      {children}
      <div className={styles["toasts"]} role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className={`${styles["toast"]} ${toast.isProblem ? styles["problem"] : ""}`}>
            <span>{toast.text}</span>
            <Button kind="quiet" isSmall aria-label="Dismiss" onClick={() => remove(toast.id)}>
              ✕
            </Button>
          </div>
        ))}
      </div>
    </AnnounceContext>
  );
}
