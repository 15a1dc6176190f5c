// Become a user, where anybody may.
import { useState } from "react";
import { Link } from "wouter";
import { dataOf } from "../../api/client";
import { useApi } from "../../services";
import { Fields, TextField } from "../../ui/Field";
import { NewPasswordField } from "../../ui/PasswordField";
import { Loading } from "../../ui/States";
import { AttemptEnd } from "./AttemptEnd";
import { LoginFrame } from "./LoginFrame";
import { UsernameField } from "./UsernameField";
import { useArrival } from "./useArrival";
import { useAttempt } from "./useAttempt";
import { usePublicConfig } from "./usePublicConfig";

export default function Register() {
  const config = usePublicConfig();
  // When the server does not say whether it is open, the form is shown: it says so after the attempt.
  const isClosed = config.data !== undefined && config.data.registration !== "open";
  return (
    <LoginFrame title="Register" links={<Link href="/">To the login</Link>}>
      {config.isPending ? <Loading /> : isClosed ? <Closed /> : <Form />}
    </LoginFrame>
  );
}

function Closed() {
  return <p>Nobody can register here. Ask whoever runs the stations for an invitation or an account.</p>;
}

function Form() {
  const api = useApi();
  const arrive = useArrival();
  const [username, setUsername] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const { submit, ...attempt } = useAttempt(async () => {
    const body = { username, password, email: email === "" ? null : email };
    await dataOf(api.POST("/api/v1/auth/register", { body }));
    arrive({ note: "You are registered. Log in now.", username });
  });
  return (
    <form onSubmit={submit}>
      <Fields>
        <UsernameField
          value={username}
          onChange={setUsername}
          error={attempt.problem?.of("username")}
          autoFocus
        />
        <TextField
          label="Mail address (optional)"
          hint="Without it a forgotten password cannot be reset."
          type="email"
          autoComplete="email"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          error={attempt.problem?.of("email")}
        />
        <NewPasswordField
          label="Password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={attempt.problem?.of("password")}
        />
        <AttemptEnd attempt={attempt} action="Register" />
      </Fields>
    </form>
  );
}
