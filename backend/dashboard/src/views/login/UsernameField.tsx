// A username that is chosen here.
import { TextField } from "../../ui/Field";

interface Props {
  value: string;
  error: string | null | undefined;
  onChange: (value: string) => void;
  autoFocus?: boolean;
}

export function UsernameField({ value, error, onChange, autoFocus = false }: Props) {
  return (
    <TextField
      label="Username"
      hint="Small letters, digits and . _ @ -, at most 64."
      autoComplete="username"
      autoCapitalize="none"
      spellCheck={false}
      required
      pattern="[a-z0-9][a-z0-9._@\-]{0,63}"
      title="Small letters, digits and . _ @ -, beginning with a letter or digit"
      autoFocus={autoFocus}
      value={value}
      error={error}
      onChange={(event) => onChange(event.target.value.toLowerCase())}
    />
  );
}
