// Adds a user with a first password.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { useApi } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { Fields } from "../../ui/Field";
import { NewPasswordField } from "../../ui/PasswordField";
import { useAnnounce } from "../../ui/Toasts";
import { UsernameField } from "../login/UsernameField";
import { orNone, type UserDraft, UserFields } from "./UserFields";

export function AddUser({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [draft, setDraft] = useState<UserDraft>({ role: "", email: "", id_token: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const add = async () => {
    const { role, email, id_token } = draft;
    const body = { username, password, role, email: orNone(email), id_token: orNone(id_token) };
    await dataOf(api.POST("/api/v1/users", { body }));
    announce.done(`${username} is a user now.`);
    await queries.invalidateQueries({ queryKey: ["users"] });
  };
  return (
    <FormDialog title="Add a user" action="Add user" onSubmit={add} onProblem={setProblem} onClose={onClose}>
      <Fields>
        <UsernameField value={username} onChange={setUsername} error={problem?.of("username")} autoFocus />
        <NewPasswordField
          label="First password"
          hint="At least 8 characters. The user can change it under Account."
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={problem?.of("password")}
        />
        <UserFields draft={draft} problem={problem} onChange={setDraft} />
      </Fields>
    </FormDialog>
  );
}
