// What a command needs to know, as the fields of its dialog.
import type { Problem } from "../../api/problem";
import { FieldRow, SelectField, TextField } from "../../ui/Field";
import type { Fields, Target } from "./commandBody";
import type { CommandWord } from "./commandKinds";

export function CommandFields({
  word,
  target,
  fields,
  problem,
  onChange,
}: {
  word: CommandWord;
  target: Target;
  fields: Fields;
  problem: Problem | null;
  onChange: (changed: Partial<Fields>) => void;
}) {
  if (word === "start")
    return (
      <TextField
        label="ID token of the driver (optional)"
        hint="Whose session it becomes. Without it, the session is nobody's."
        maxLength={255}
        autoComplete="off"
        value={fields.id_token}
        error={problem?.of("params.id_token")}
        onChange={(event) => onChange({ id_token: event.target.value })}
      />
    );
  if (word === "set_current_limit")
    return (
      <FieldRow>
        <TextField
          label="Limit of each phase, in A"
          hint="0 pauses; otherwise 6 to 80 A."
          type="number"
          inputMode="decimal"
          min={0}
          max={80}
          step="any"
          required
          value={fields.limit_a}
          error={problem?.of("params.limit_a")}
          onChange={(event) => onChange({ limit_a: event.target.value })}
        />
        {target.hasMore && (
          <SelectField
            label="For"
            value={fields.scope}
            onChange={(event) => onChange({ scope: event.target.value as Fields["scope"] })}
          >
            <option value="station">the whole station</option>
            <option value="connector">connector {target.connector_id} only</option>
          </SelectField>
        )}
      </FieldRow>
    );
  if (word === "reset")
    return (
      <SelectField
        label="Kind of reset"
        hint={
          fields.kind === "soft"
            ? "Running sessions are ended in good order first."
            : "At once, as if the power was cut. Only when a soft reset does not help."
        }
        value={fields.kind}
        error={problem?.of("params.kind")}
        onChange={(event) => onChange({ kind: event.target.value as Fields["kind"] })}
      >
        <option value="soft">Soft</option>
        <option value="hard">Hard</option>
      </SelectField>
    );
  if (word === "update_firmware")
    return (
      <>
        <TextField
          label="Address of the firmware"
          hint="https only."
          type="url"
          required
          placeholder="https://"
          pattern="https://.*"
          value={fields.url}
          error={problem?.of("params.url")}
          onChange={(event) => onChange({ url: event.target.value })}
        />
        <TextField
          label="Version (optional)"
          autoComplete="off"
          value={fields.version}
          error={problem?.of("params.version")}
          onChange={(event) => onChange({ version: event.target.value })}
        />
        <TextField
          label="SHA-256 (optional)"
          hint="64 hexadecimal digits: the station checks what it has fetched."
          autoComplete="off"
          value={fields.sha256}
          error={problem?.of("params.sha256")}
          onChange={(event) => onChange({ sha256: event.target.value })}
        />
      </>
    );
  return null;
}
