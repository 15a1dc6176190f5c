// What an account has besides its name and password: role, mail address, ID token.
import type { Problem } from "../../api/problem";
import { useMay } from "../../services";
import { TextField } from "../../ui/Field";
import { RoleField } from "./RoleField";

export interface UserDraft {
  role: string;
  email: string;
  id_token: string;
}

interface Props {
  draft: UserDraft;
  problem: Problem | null;
  onChange: (draft: UserDraft) => void;
  isEmailRequired?: boolean;
}

export function UserFields({ draft, problem, onChange, isEmailRequired = false }: Props) {
  // An ID token opens somebody's sessions: only who sees all sessions gives one.
  const mayGiveIdToken = useMay()("session:read");
  return (
    <>
      <TextField
        label={isEmailRequired ? "Mail address" : "Mail address (optional)"}
        type="email"
        autoComplete="off"
        required={isEmailRequired}
        autoFocus={isEmailRequired}
        hint={isEmailRequired ? undefined : "Without it a forgotten password cannot be reset by mail."}
        value={draft.email}
        onChange={(event) => onChange({ ...draft, email: event.target.value })}
        error={problem?.of("email")}
      />
      <RoleField
        value={draft.role}
        onChange={(role) => onChange({ ...draft, role })}
        error={problem?.of("role")}
      />
      {mayGiveIdToken && (
        <TextField
          label="ID token (optional)"
          hint="The RFID tag or contract of a driver: sessions with it are the user's own."
          autoComplete="off"
          spellCheck={false}
          maxLength={255}
          value={draft.id_token}
          onChange={(event) => onChange({ ...draft, id_token: event.target.value })}
          error={problem?.of("id_token")}
        />
      )}
    </>
  );
}

/** Empty is none. */
export function orNone(text: string): string | null {
  return text.trim() === "" ? null : text.trim();
}
