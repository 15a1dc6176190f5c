// Choose another password, with the token that was mailed.
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
import { useArrival } from "./useArrival";
import { useAttempt } from "./useAttempt";
import { useMailedToken } from "./useMailedToken";

export default function ResetPassword() {
  const api = useApi();
  const arrive = useArrival();
  const mailed = useMailedToken();
  const [typed, setTyped] = useState("");
  const [password, setPassword] = useState("");
  const { submit, ...attempt } = useAttempt(async () => {
    const body = { token: mailed ?? typed.trim(), new_password: password };
    await dataOf(api.POST("/api/v1/auth/password-reset/confirm", { body }));
    arrive({ note: "The password is changed, and all logins have ended. Log in with the new one." });
  });
  const tokenProblem = attempt.problem?.of("token");
  return (
    <LoginFrame title="Choose another password" links={<Link href="/">To the login</Link>}>
      <form onSubmit={submit}>
        <Fields>
          {mailed === null && <TokenField value={typed} onChange={setTyped} error={tokenProblem} />}
          <NewPasswordField
            label="New password"
            autoFocus={mailed !== null}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={attempt.problem?.of("new_password")}
          />
          <AttemptEnd attempt={attempt} action="Change password" />
          {tokenProblem && (
            <p className={styles["hint"]}>
              The mail is good once and for a short time.{" "}
              <Link href="/forgot-password">Ask for another mail</Link>
            </p>
          )}
        </Fields>
      </form>
    </LoginFrame>
  );
}
