// The frame of the page that anybody may see: the brand, the colours, the way to the login.
import type { ReactNode } from "react";
import { ThemeButton } from "../../shell/ThemeButton";
import { ButtonLink } from "../../ui/Button";
import styles from "./PublicFrame.module.css";

export function PublicFrame({ children }: { children: ReactNode }) {
  return (
    <>
      <header className={styles["bar"]}>
        <span className={styles["brand"]}>
          <img src="/favicon.svg" alt="" width="26" height="26" />
          SolarRally
        </span>
        <div className={styles["end"]}>
          <ThemeButton />
          <ButtonLink href="/" isSmall>
            Log in
          </ButtonLink>
        </div>
      </header>
      <main className={styles["main"]}>{children}</main>
    </>
  );
}
