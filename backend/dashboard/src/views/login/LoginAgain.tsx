// The login ended while the page was open: log in again and go on where you were.
import type { Me } from "../../api/types";
import { useServices } from "../../services";
import { Dialog } from "../../ui/Dialog";
import styles from "./Login.module.css";
import { LoginForm } from "./LoginForm";

export function LoginAgain({ me }: { me: Me }) {
  const { login } = useServices();
  return (
    <Dialog title="Your login has ended" onClose={() => login.leave()}>
      <p className={styles["again"]}>
        Log in again to go on where you were. Closing this leads to the login, and what is behind is gone.
      </p>
      <LoginForm username={me.user.username} />
    </Dialog>
  );
}
