// A text filter that is kept in the address: taken when it is left, with Enter, or when a suggestion is chosen.
import { type InputHTMLAttributes, useEffect, useId, useState } from "react";
import { TextField } from "../../ui/Field";
import { useSearch } from "../../ui/useSearch";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  /** Of the address's parameter. */
  name: string;
  label: string;
  suggestions?: readonly string[];
}

export function FilterField({ name, label, suggestions, ...rest }: Props) {
  const [search, change] = useSearch();
  const taken = search.get(name) ?? "";
  const [draft, setDraft] = useState(taken);
  const listId = useId();
  useEffect(() => setDraft(taken), [taken]);
  const take = (text: string) => {
    if (text.trim() !== taken) change({ [name]: text.trim() });
  };
  return (
    <>
      <TextField
        label={label}
        type="search"
        placeholder="Any"
        autoComplete="off"
        spellCheck={false}
        {...rest}
        {...(suggestions === undefined ? {} : { list: listId })}
        value={draft}
        onChange={(event) => {
          setDraft(event.target.value);
          // Emptied by its cross, or chosen from the list.
          if (event.target.value === "" || suggestions?.includes(event.target.value))
            take(event.target.value);
        }}
        onBlur={() => take(draft)}
        onKeyDown={(event) => {
          if (event.key === "Enter") take(draft);
        }}
      />
      {suggestions !== undefined && (
        <datalist id={listId}>
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  );
}
