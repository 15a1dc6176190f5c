// Removes a user, after saying what goes and what stays.
import { useQueryClient } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import type { User } from "../../api/types";
import { useApi, useMe } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { Fields } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";

export function DeleteUser({ user, onClose }: { user: User; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const isMe = useMe().user.id === user.id;
  const remove = async () => {
    const path = { user_id: user.id };
    await dataOf(api.DELETE("/api/v1/users/{user_id}", { params: { path } }));
    announce.done(`${user.username} is deleted.`);
    await queries.invalidateQueries({ queryKey: ["users"] });
  };
  return (
    <FormDialog
      title={`Delete ${user.username}?`}
      action="Delete user"
      isDangerous
      onSubmit={remove}
      onClose={onClose}
    >
      <Fields>
        <p>
          The account goes with all its logins and API keys. Sessions and bills stay, and so does what the
          audit log says about it. It cannot be undone; to lock somebody out for a while, make the account
          inactive.
        </p>
        {isMe && (
          <p>
            <b>This is your own account.</b> You will be logged out.
          </p>
        )}
      </Fields>
    </FormDialog>
  );
}
