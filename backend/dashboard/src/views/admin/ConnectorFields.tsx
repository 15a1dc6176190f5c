// The connectors of a station: their numbers, and what OCPI says of them.
import { inWords } from "../../format/words";
import { Button } from "../../ui/Button";
import { SelectField, TextField } from "../../ui/Field";
import styles from "./ConnectorFields.module.css";
import editors from "./Editors.module.css";
import { CONNECTOR_CHOICES, type ConnectorDraft, withConnector } from "./stationDraft";

const PARTS = [
  ["standard", "Standard"],
  ["format", "Format"],
  ["power_type", "Power type"],
] as const;

interface Props {
  connectors: readonly ConnectorDraft[];
  error: string | null | undefined;
  onChange: (connectors: readonly ConnectorDraft[]) => void;
}

export function ConnectorFields({ connectors, error, onChange }: Props) {
  const change = (key: number, changes: Partial<ConnectorDraft>) =>
    onChange(connectors.map((each) => (each.key === key ? { ...each, ...changes } : each)));
  const isTwice = new Set(connectors.map((each) => Number(each.connector_id))).size < connectors.length;
  return (
    <fieldset className={editors["group"]}>
      <legend>Connectors</legend>
      {connectors.map((each, at) => (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a grid in every browser
        <div key={each.key} className={styles["row"]} role="group" aria-label={`Connector ${at + 1}`}>
          <TextField
            label="Number"
            type="number"
            min={0}
            max={32767}
            step={1}
            required
            readOnly={each.isKnown}
            value={each.connector_id}
            onChange={(event) => change(each.key, { connector_id: event.target.value })}
          />
          {PARTS.map(([part, label]) => (
            <SelectField
              key={part}
              label={label}
              value={each[part]}
              onChange={(event) => change(each.key, { [part]: event.target.value })}
            >
              <option value="">Not said</option>
              {CONNECTOR_CHOICES[part].map((choice) => (
                <option key={choice} value={choice}>
                  {part === "standard" ? choice.replaceAll("_", " ") : inWords(choice)}
                </option>
              ))}
            </SelectField>
          ))}
          {!each.isKnown && (
            <Button
              isSmall
              aria-label={`Remove connector ${at + 1}`}
              onClick={() => onChange(connectors.filter((other) => other.key !== each.key))}
            >
              Remove
            </Button>
          )}
        </div>
      ))}
      {(isTwice || error) && (
        <p className={styles["error"]} role="alert">
          {isTwice ? "Two connectors have the same number." : error}
        </p>
      )}
      <div className={styles["end"]}>
        <Button isSmall onClick={() => onChange(withConnector(connectors))}>
          Add a connector
        </Button>
        <span className={editors["hint"]}>Bills as OCPI CDR need standard, format and power type.</span>
      </div>
    </fieldset>
  );
}
