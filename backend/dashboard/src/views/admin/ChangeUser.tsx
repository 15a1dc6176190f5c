// Changes a user's role, mail address, ID token, and whether they may log in.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { User } from "../../api/types";
import { useApi, useMay, useMe, useServices } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { CheckField, Fields } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import { orNone, type UserDraft, UserFields } from "./UserFields";

export function ChangeUser({ user, onClose }: { user: User; onClose: () => void }) {
  const api = useApi();
  const { login } = useServices();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const mayGiveIdToken = useMay()("session:read");
  const isMe = useMe().user.id === user.id;
  const [draft, setDraft] = useState<UserDraft>({
    role: user.role,
    email: user.email ?? "",
    id_token: user.id_token ?? "",
  });
  const [isActive, setActive] = useState(user.is_active);
  const [problem, setProblem] = useState<Problem | null>(null);
  const change = async () => {
    const id_token = orNone(draft.id_token);
    // What stays is not named: whoever may not give it may still change the rest.
    const body = {
      ...(draft.role === user.role ? {} : { role: draft.role }),
      ...(orNone(draft.email) === user.email ? {} : { email: orNone(draft.email) }),
      ...(!mayGiveIdToken || id_token === user.id_token ? {} : { id_token }),
      ...(isActive === user.is_active ? {} : { is_active: isActive }),
    };
    if (Object.keys(body).length === 0) return;
    const path = { user_id: user.id };
    await dataOf(api.PATCH("/api/v1/users/{user_id}", { params: { path }, body }));
    announce.done(`${user.username} is changed.`);
    await queries.invalidateQueries({ queryKey: ["users"] });
    if (isMe) await login.reload();
  };
  return (
    <FormDialog
      title={`Change ${user.username}`}
      action="Save"
      onSubmit={change}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        {isMe && <p>This is your own account: what you take away is taken from you.</p>}
        <UserFields draft={draft} problem={problem} onChange={setDraft} />
        <CheckField
          label="Active"
          hint="Without it: all logins end and API keys are refused within 30 seconds. Sessions and bills stay."
          checked={isActive}
          onChange={(event) => setActive(event.target.checked)}
        />
      </Fields>
    </FormDialog>
  );
}
