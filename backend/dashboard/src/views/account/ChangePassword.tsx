// Changes the own password. All other logins end with it.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { useApi, useMe } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { Fields } from "../../ui/Field";
import { NewPasswordField, PasswordField } from "../../ui/PasswordField";
import { useAnnounce } from "../../ui/Toasts";

export function ChangePassword({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const { user } = useMe();
  const announce = useAnnounce();
  const queries = useQueryClient();
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = async () => {
    const body = { current_password: current, new_password: next };
    await dataOf(api.POST("/api/v1/auth/password", { body }));
    announce.done("The password is changed. All other logins have ended.");
    await queries.invalidateQueries({ queryKey: ["logins"] });
  };
  return (
    <FormDialog
      title="Change password"
      action="Change password"
      onSubmit={change}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        <p>All your other logins end with it. API keys stay.</p>
        {/* For password managers: whose password this is. */}
        <input type="text" autoComplete="username" value={user.username} readOnly hidden />
        <PasswordField
          label="Present password"
          autoComplete="current-password"
          required
          autoFocus
          value={current}
          onChange={(event) => setCurrent(event.target.value)}
          error={problem?.of("current_password")}
        />
        <NewPasswordField
          label="New password"
          value={next}
          onChange={(event) => setNext(event.target.value)}
          error={problem?.of("new_password")}
        />
      </Fields>
    </FormDialog>
  );
}
