// Asks before something is deleted, after saying what goes with it.
import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { Problem } from "../../api/problem";
import { FormDialog } from "../../ui/Dialog";
import { Fields } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";

interface Props {
  title: string;
  action: string;
  /** What is said when it is done. */
  done: string;
  /** The lists that it was in. */
  listKey: string;
  remove: () => Promise<unknown>;
  onProblem?: (problem: Problem | null) => void;
  onClose: () => void;
  children: ReactNode;
}

export function ConfirmDelete({ done, listKey, remove, children, onProblem, ...dialog }: Props) {
  const queries = useQueryClient();
  const announce = useAnnounce();
  const submit = async () => {
    await remove();
    announce.done(done);
    await queries.invalidateQueries({ queryKey: [listKey] });
  };
  return (
    <FormDialog {...dialog} {...(onProblem ? { onProblem } : {})} isDangerous onSubmit={submit}>
      <Fields>{children}</Fields>
    </FormDialog>
  );
}
