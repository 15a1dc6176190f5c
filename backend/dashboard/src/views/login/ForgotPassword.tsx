// Ask for a mail that lets one choose another password. The answer is the same whether anybody has the address.
import { useState } from "react";
import { Link } from "wouter";
import { dataOf } from "../../api/client";
import { useApi } from "../../services";
import { Fields, TextField } from "../../ui/Field";
import { AttemptEnd } from "./AttemptEnd";
import styles from "./Login.module.css";
import { LoginFrame } from "./LoginFrame";
import { useAttempt } from "./useAttempt";
import { usePublicConfig } from "./usePublicConfig";

export default function ForgotPassword() {
  const { data: config } = usePublicConfig();
  const [askedFor, setAskedFor] = useState<string | null>(null);
  return (
    <LoginFrame
      title="Forgot password"
      links={
        <>
          <Link href="/">To the login</Link>
          {askedFor !== null && <Link href="/reset-password">The mail holds a token only</Link>}
        </>
      }
    >
      {config?.can_reset_password === false ? (
        <p>This server sends no mails. Ask whoever administers its users for another password.</p>
      ) : askedFor === null ? (
        <Form onAsked={setAskedFor} />
      ) : (
        <p role="status" className={styles["note"]}>
          If an account has the address <b>{askedFor}</b>, a mail is on its way to it. It holds for a short
          time and is good once. Nothing came? Look among the unwanted mail, or ask whoever administers the
          users.
        </p>
      )}
    </LoginFrame>
  );
}

function Form({ onAsked }: { onAsked: (email: string) => void }) {
  const api = useApi();
  const [email, setEmail] = useState("");
  const { submit, ...attempt } = useAttempt(async () => {
    await dataOf(api.POST("/api/v1/auth/password-reset", { body: { email } }));
    onAsked(email);
  });
  return (
    <form onSubmit={submit}>
      <Fields>
        <TextField
          label="Mail address"
          hint="The one of your account."
          type="email"
          autoComplete="email"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          error={attempt.problem?.of("email")}
        />
        <AttemptEnd attempt={attempt} action="Send the mail" />
      </Fields>
    </form>
  );
}
