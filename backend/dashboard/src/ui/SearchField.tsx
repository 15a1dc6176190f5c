// A text that filters: it counts when typing pauses, not with every letter.
import { useEffect, useId, useRef, useState } from "react";
import { TextField } from "./Field";

const PAUSE_MS = 300;

interface Props {
  label: string;
  value: string;
  onSearch: (value: string) => void;
  placeholder?: string;
  /** Offered while typing; anything else may be typed too. */
  suggestions?: readonly string[];
}

export function SearchField({ label, value, onSearch, placeholder, suggestions }: Props) {
  const listId = useId();
  const [draft, setDraft] = useState(value);
  const latest = useRef(onSearch);
  useEffect(() => {
    latest.current = onSearch;
  });
  useEffect(() => {
    setDraft((present) => (present.trim() === value ? present : value));
  }, [value]);
  useEffect(() => {
    const next = draft.trim();
    if (next === value) return;
    const timer = setTimeout(() => latest.current(next), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft, value]);
  return (
    <>
      <TextField
        label={label}
        type="search"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={255}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        {...(placeholder === undefined ? {} : { placeholder })}
        {...(suggestions === undefined ? {} : { list: listId })}
      />
      {suggestions && (
        <datalist id={listId}>
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  );
}
