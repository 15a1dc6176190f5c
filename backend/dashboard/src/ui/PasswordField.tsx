// A password, and a button that shows what was typed: nobody has to type it twice.
import { type ComponentProps, useState } from "react";
import { TextField } from "./Field";
import styles from "./PasswordField.module.css";

/** What the API asks of a new password. */
const SHORTEST = 8;
const LONGEST = 128;

export function PasswordField(props: Omit<ComponentProps<typeof TextField>, "type">) {
  const [isShown, setShown] = useState(false);
  return (
    <div className={styles["password"]}>
      <TextField {...props} type={isShown ? "text" : "password"} autoCapitalize="none" spellCheck={false} />
      <button type="button" className={styles["toggle"]} onClick={() => setShown(!isShown)}>
        {isShown ? "Hide" : "Show"} <span className="visually-hidden">password</span>
      </button>
    </div>
  );
}

/** A password that is chosen here. Password managers offer one. */
export function NewPasswordField(props: Omit<ComponentProps<typeof TextField>, "type">) {
  return (
    <PasswordField
      hint={`At least ${SHORTEST} characters. A few random words are good.`}
      {...props}
      autoComplete="new-password"
      required
      minLength={SHORTEST}
      maxLength={LONGEST}
    />
  );
}
