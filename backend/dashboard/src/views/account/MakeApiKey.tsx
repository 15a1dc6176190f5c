// Makes an API key, and shows it: once, and to nobody else.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { ownZone } from "../../api/queries";
import { serverNowMs } from "../../clock";
import { day } from "../../format/time";
import { useApi, useMe } from "../../services";
import { Button } from "../../ui/Button";
import { CopyButton } from "../../ui/CopyButton";
import { Dialog, FormDialog } from "../../ui/Dialog";
import { FieldRow, SelectField, TextField } from "../../ui/Field";
import styles from "./Account.module.css";
import { inDays } from "./keyState";
import { PermissionPicker } from "./PermissionPicker";

/** The API takes 366 days at most. */
const LIFETIMES_DAYS = [7, 30, 90, 180, 365];

export function MakeApiKey({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const { permissions } = useMe();
  const [name, setName] = useState("");
  const [days, setDays] = useState(90);
  const [scopes, setScopes] = useState<string[]>([]);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [secret, setSecret] = useState<string | null>(null);
  if (secret !== null) return <ShownOnce name={name} secret={secret} onClose={onClose} />;
  const expires_at = inDays(days, serverNowMs());
  const make = async () => {
    const body = { name, scopes, expires_at: inDays(days, serverNowMs()) };
    const made = await dataOf(api.POST("/api/v1/api-keys", { body }));
    setSecret(made.secret);
    await queries.invalidateQueries({ queryKey: ["api-keys"] });
  };
  return (
    <FormDialog
      title="Make an API key"
      action="Make key"
      isWide
      staysOpen
      isDisabled={scopes.length === 0}
      onSubmit={make}
      onProblem={setProblem}
      onClose={onClose}
    >
      <FieldRow>
        <TextField
          label="Name"
          hint="What will use it."
          required
          maxLength={100}
          autoFocus
          value={name}
          onChange={(event) => setName(event.target.value)}
          error={problem?.of("name")}
        />
        <SelectField
          label="Holds for"
          hint={`Until ${day(expires_at, ownZone())}`}
          value={days}
          onChange={(event) => setDays(Number(event.target.value))}
          error={problem?.of("expires_at")}
        >
          {LIFETIMES_DAYS.map((each) => (
            <option key={each} value={each}>
              {each} days
            </option>
          ))}
        </SelectField>
      </FieldRow>
      <h3>What it may do</h3>
      <p className={styles["small"]}>
        Choose as little as it needs. It can never do more than you, also not when your role gets smaller.
      </p>
      <PermissionPicker offered={permissions} chosen={scopes} onChange={setScopes} />
    </FormDialog>
  );
}

function ShownOnce({ name, secret, onClose }: { name: string; secret: string; onClose: () => void }) {
  return (
    <Dialog title={`The key ${name}`} onClose={onClose}>
      <div className={styles["secret"]}>
        <p className={styles["warning"]} role="alert">
          <b>Copy it now.</b> Nobody can see it again: we keep a fingerprint of it only. Whoever has it may do
          what you chose, so keep it where passwords are kept.
        </p>
        <TextField
          label="API key"
          hint={
            <>
              Sent as <code>Authorization: Bearer …</code>
            </>
          }
          readOnly
          value={secret}
          onFocus={(event) => event.target.select()}
        />
        <div className={styles["end"]}>
          <CopyButton text={secret} label="Copy the key" />
          <Button kind="primary" isSmall onClick={onClose}>
            I have it
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
