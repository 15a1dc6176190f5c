// Which problems the fields of a form show themselves, so that the form's own note need not say them again.
import { createContext, useCallback, useContext, useLayoutEffect, useState } from "react";

/** Notes what a field says. Returns how to take it back. */
type Note = (message: string) => () => void;

export const SaidByFields = createContext<Note | null>(null);

/** For the form: hand `note` down by SaidByFields. */
export function useSaidByFields(): { said: readonly string[]; note: Note } {
  const [said, setSaid] = useState<readonly string[]>([]);
  const note = useCallback((message: string) => {
    setSaid((all) => [...all, message]);
    return () =>
      setSaid((all) => {
        const index = all.indexOf(message);
        return all.filter((_, other) => other !== index);
      });
  }, []);
  return { said, note };
}

/** For the field. */
export function useSay(message: string | null | undefined): void {
  const note = useContext(SaidByFields);
  useLayoutEffect(() => (message ? note?.(message) : undefined), [message, note]);
}
