// Asks before a station is disabled, enabled or deleted. One with a history can only be disabled.
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { useStationsChanged } from "../../api/queries";
import type { Evse } from "../../api/types";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { FormDialog } from "../../ui/Dialog";
import { useAnnounce } from "../../ui/Toasts";
import { ConfirmDelete } from "./ConfirmDelete";

interface Props {
  evse: Evse;
  onClose: () => void;
}

export function SwitchStation({ evse, onClose }: Props) {
  const api = useApi();
  const tellChanged = useStationsChanged();
  const announce = useAnnounce();
  const word = evse.is_enabled ? "Disable" : "Enable";
  const submit = async () => {
    const path = { evse_uid: evse.evse_uid };
    const body = { is_enabled: !evse.is_enabled };
    await dataOf(api.PATCH("/api/v1/evses/{evse_uid}", { params: { path }, body }));
    announce.done(`${evse.evse_uid} is ${evse.is_enabled ? "disabled" : "enabled"}.`);
    await tellChanged();
  };
  return (
    <FormDialog
      title={`${word} ${evse.evse_uid}?`}
      action={`${word} station`}
      isDangerous={evse.is_enabled}
      onSubmit={submit}
      onClose={onClose}
    >
      <p>
        {evse.is_enabled
          ? "Within 5 seconds what it sends is rejected, and kept as rejected. It does not stop what charges there now; sessions and bills stay. You can enable it again."
          : "Within 5 seconds what it sends counts again. What was rejected meanwhile stays rejected."}
      </p>
    </FormDialog>
  );
}

export function DeleteStation({ evse, onDisable, onClose }: Props & { onDisable: () => void }) {
  const api = useApi();
  const [problem, setProblem] = useState<Problem | null>(null);
  const path = { evse_uid: evse.evse_uid };
  return (
    <ConfirmDelete
      title={`Delete ${evse.evse_uid}?`}
      action="Delete station"
      done={`${evse.evse_uid} is deleted.`}
      listKey="evses"
      remove={() => dataOf(api.DELETE("/api/v1/evses/{evse_uid}", { params: { path } }))}
      onProblem={setProblem}
      onClose={onClose}
    >
      <p>The entry goes with its connectors. That is possible only for a station that was never heard of.</p>
      {problem?.status === 409 && (
        <p>
          This one has a history, which stays.{" "}
          {evse.is_enabled ? (
            <Button isSmall onClick={onDisable}>
              Disable it instead
            </Button>
          ) : (
            "It is disabled already: what it sends is rejected."
          )}
        </p>
      )}
    </ConfirmDelete>
  );
}
