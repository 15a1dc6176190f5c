// Buttons, and links that look like one.
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { Link } from "wouter";
import styles from "./Button.module.css";

type Kind = "primary" | "plain" | "danger" | "quiet";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  isSmall?: boolean;
  /** Something is on its way: the button shows it and cannot be pressed again. */
  isBusy?: boolean;
}

function classes(kind: Kind, isSmall: boolean, more = ""): string {
  return `${styles["button"]} ${styles[kind]} ${isSmall ? styles["small"] : ""} ${more}`;
}

export function Button({
  kind = "plain",
  isSmall = false,
  isBusy = false,
  className,
  disabled,
  children,
  ...rest
}: Props) {
  return (
    <button
      type="button"
      {...rest}
      className={classes(kind, isSmall, className)}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
    >
      {isBusy && <span className={styles["spinner"]} aria-hidden="true" />}
      {children}
    </button>
  );
}

export function ButtonLink({
  href,
  kind = "plain",
  isSmall = false,
  children,
}: {
  href: string;
  kind?: Kind;
  isSmall?: boolean;
  children: ReactNode;
}) {
  return (
    <Link href={href} className={classes(kind, isSmall)}>
      {children}
    </Link>
  );
}
