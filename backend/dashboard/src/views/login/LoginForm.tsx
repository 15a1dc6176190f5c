// Username and password, and how it went.
import { useState } from "react";
import { useServices } from "../../services";
import { Fields, TextField } from "../../ui/Field";
import { PasswordField } from "../../ui/PasswordField";
import { AttemptEnd } from "./AttemptEnd";
import { useAttempt } from "./useAttempt";

export function LoginForm({ username: known }: { username?: string | undefined }) {
  const { login } = useServices();
  const [username, setUsername] = useState(known ?? "");
  const [password, setPassword] = useState("");
  const { submit, ...attempt } = useAttempt(() => login.logIn(username, password));
  return (
    <form onSubmit={submit}>
      <Fields>
        <TextField
          label="Username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus={known === undefined}
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
        <PasswordField
          label="Password"
          autoComplete="current-password"
          required
          autoFocus={known !== undefined}
          {...(known === undefined ? {} : { "data-focus-first": "" })}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <AttemptEnd attempt={attempt} action="Log in" />
      </Fields>
    </form>
  );
}
