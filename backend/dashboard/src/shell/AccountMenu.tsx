// Who is logged in, the theme, and the way out.
import { Link } from "wouter";
import { useMe, useServices } from "../services";
import { Button } from "../ui/Button";
import { useAnnounce } from "../ui/Toasts";
import styles from "./AccountMenu.module.css";
import { ThemeButton } from "./ThemeButton";

export function AccountMenu() {
  const { user } = useMe();
  const { login } = useServices();
  const announce = useAnnounce();
  return (
    <div className={styles["menu"]}>
      <ThemeButton />
      <Link href="/account" className={styles["user"]} title={`Role: ${user.role}`}>
        {user.username}
      </Link>
      <Button kind="quiet" isSmall onClick={() => void login.logOut().catch(announce.failed)}>
        Log out
      </Button>
    </div>
  );
}
