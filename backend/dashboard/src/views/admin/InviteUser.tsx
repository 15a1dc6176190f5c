// Invites somebody by mail: they choose name and password themselves.
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { ownZone } from "../../api/queries";
import { exact } from "../../format/time";
import { useApi } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { Fields } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import { orNone, type UserDraft, UserFields } from "./UserFields";

export function InviteUser({ onClose }: { onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const [draft, setDraft] = useState<UserDraft>({ role: "", email: "", id_token: "" });
  const [problem, setProblem] = useState<Problem | null>(null);
  const invite = async () => {
    const body = { email: draft.email, role: draft.role, id_token: orNone(draft.id_token) };
    const invited = await dataOf(api.POST("/api/v1/auth/invitations", { body }));
    announce.done(`${invited.email} is invited until ${exact(invited.expires_at, ownZone())}.`);
  };
  return (
    <FormDialog
      title="Invite by mail"
      action="Send the invitation"
      onSubmit={invite}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        <UserFields draft={draft} problem={problem} onChange={setDraft} isEmailRequired />
        <p>An earlier invitation to the same address is worth nothing any more.</p>
      </Fields>
    </FormDialog>
  );
}
