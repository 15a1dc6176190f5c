// The first thing that somebody without a login sees. The address stays: after the login its view is shown.
import { Link } from "wouter";
import { useHistoryState } from "wouter/use-browser-location";
import styles from "./Login.module.css";
import { LoginForm } from "./LoginForm";
import { LoginFrame } from "./LoginFrame";
import type { Arrival } from "./useArrival";
import { usePublicConfig } from "./usePublicConfig";

export function LoginPage() {
  const arrival = useHistoryState<Arrival | null>();
  const { data: config } = usePublicConfig();
  return (
    <LoginFrame
      title="Log in"
      links={
        config && (
          <>
            {config.can_reset_password && <Link href="/forgot-password">Forgot password?</Link>}
            {config.registration === "open" && <Link href="/register">Register</Link>}
            {config.has_public_status && <Link href="/status">Which stations are free</Link>}
          </>
        )
      }
    >
      {arrival?.note && (
        <p role="status" className={styles["note"]}>
          {arrival.note}
        </p>
      )}
      <LoginForm username={arrival?.username} />
    </LoginFrame>
  );
}
