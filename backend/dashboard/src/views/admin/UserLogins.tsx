// A user's logins, in a dialog.
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { User } from "../../api/types";
import { useApi, useMay } from "../../services";
import { Dialog } from "../../ui/Dialog";
import { Choice } from "../../ui/Tabs";
import { Logins } from "../account/Logins";

const CHOICES = [
  ["active", "Hold now"],
  ["all", "Ended too"],
] as const;

export function UserLogins({ user, onClose }: { user: User; onClose: () => void }) {
  const api = useApi();
  const mayEnd = useMay()("user:write");
  const [shown, setShown] = useState<"active" | "all">("active");
  const path = { user_id: user.id };
  return (
    <Dialog title={`Logins of ${user.username}`} isWide onClose={onClose}>
      <Choice label="Which logins" choices={CHOICES} value={shown} onChange={setShown} />
      <Logins
        owner={user.username}
        isActiveOnly={shown === "active"}
        page={(cursor, signal) => {
          const query = {
            ...(shown === "active" ? { is_active: true } : {}),
            ...(cursor === undefined ? {} : { cursor }),
          };
          return dataOf(api.GET("/api/v1/users/{user_id}/logins", { params: { path, query }, signal }));
        }}
        onEnd={
          mayEnd
            ? (login_id) =>
                dataOf(
                  api.DELETE("/api/v1/users/{user_id}/logins/{login_id}", {
                    params: { path: { ...path, login_id } },
                  }),
                )
            : null
        }
      />
    </Dialog>
  );
}
