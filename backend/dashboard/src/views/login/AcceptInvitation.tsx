// Become a user, with the token that was mailed.
import { useState } from "react";
import { Link } from "wouter";
import { dataOf } from "../../api/client";
import { useApi } from "../../services";
import { Fields } from "../../ui/Field";
import { NewPasswordField } from "../../ui/PasswordField";
import { AttemptEnd } from "./AttemptEnd";
import styles from "./Login.module.css";
import { LoginFrame } from "./LoginFrame";
import { TokenField } from "./TokenField";
import { UsernameField } from "./UsernameField";
import { useArrival } from "./useArrival";
import { useAttempt } from "./useAttempt";
import { useMailedToken } from "./useMailedToken";

export default function AcceptInvitation() {
  const api = useApi();
  const arrive = useArrival();
  const mailed = useMailedToken();
  const [typed, setTyped] = useState("");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const { submit, ...attempt } = useAttempt(async () => {
    const body = { token: mailed ?? typed.trim(), username, password };
    await dataOf(api.POST("/api/v1/auth/invitations/accept", { body }));
    arrive({ note: "Welcome. Log in now with what you have chosen.", username });
  });
  const tokenProblem = attempt.problem?.of("token");
  return (
    <LoginFrame title="Accept invitation" links={<Link href="/">To the login</Link>}>
      <form onSubmit={submit}>
        <Fields>
          {mailed === null && <TokenField value={typed} onChange={setTyped} error={tokenProblem} />}
          <UsernameField
            value={username}
            onChange={setUsername}
            error={attempt.problem?.of("username")}
            autoFocus={mailed !== null}
          />
          <NewPasswordField
            label="Password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={attempt.problem?.of("password")}
          />
          <AttemptEnd attempt={attempt} action="Become a user" />
          {tokenProblem && (
            <p className={styles["hint"]}>
              An invitation is good once and holds for some days; a newer one replaces it. Ask whoever invited
              you for another.
            </p>
          )}
        </Fields>
      </form>
    </LoginFrame>
  );
}
