// The frame of the pages before a login.
import { type ReactNode, useEffect } from "react";
import styles from "./Login.module.css";

interface Props {
  title: string;
  /** Links to where somebody may want to go instead. */
  links?: ReactNode;
  children: ReactNode;
}

export function LoginFrame({ title, links, children }: Props) {
  useEffect(() => {
    document.title = `${title} · SolarRally`;
  }, [title]);
  return (
    <main className={styles["page"]}>
      <div className={styles["card"]}>
        <p className={styles["brand"]}>
          <img src="/favicon.svg" alt="" width="34" height="34" />
          SolarRally
        </p>
        <h1>{title}</h1>
        {children}
        {/* There before its links are known: the form must not jump when they come. */}
        <nav aria-label="Other pages" className={styles["links"]}>
          {links}
        </nav>
      </div>
    </main>
  );
}
