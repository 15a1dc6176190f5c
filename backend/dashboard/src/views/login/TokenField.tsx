// The token of a mail without a link, or of a page that was loaded again.
import { TextField } from "../../ui/Field";

interface Props {
  value: string;
  error: string | null | undefined;
  onChange: (value: string) => void;
}

export function TokenField({ value, error, onChange }: Props) {
  return (
    <TextField
      label="Token"
      hint="As the mail says it. Opening the link in the mail fills it in."
      autoComplete="off"
      autoCapitalize="none"
      spellCheck={false}
      required
      maxLength={128}
      pattern="\s*[A-Za-z0-9_\-]+\s*"
      value={value}
      error={error}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
