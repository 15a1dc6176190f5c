// Asks whether a station shall really be told something.
import { type ReactNode, useState } from "react";
import { FormDialog } from "../../ui/Dialog";
import { KeyOfRequest } from "../station/idempotency";
import type { DriversCommand, MyCommands } from "./useMyCommands";
import { WORDS } from "./words";

interface Props {
  body: DriversCommand;
  ask: MyCommands["ask"];
  onClose: () => void;
  children?: ReactNode;
}

export function ConfirmCommand({ body, ask, onClose, children }: Props) {
  const [keys] = useState(() => new KeyOfRequest());
  const { title, effect } = WORDS[body.command];
  return (
    <FormDialog
      title={`${title}?`}
      action={title}
      isDangerous={body.command === "stop"}
      onSubmit={() => ask(body, keys.of(body))}
      onClose={onClose}
    >
      {children}
      <p>{effect}</p>
    </FormDialog>
  );
}
