// Which connector of the station is shown: in the address.

import { useCallback } from "react";
import type { Evse } from "../../api/types";
import { STATUS_WORDS } from "../../format/words";
import { usePictureFigure } from "../../live/hooks";
import { connectorKey, type Picture } from "../../live/picture";
import { stateOf } from "../../ui/Status";
import { Choice } from "../../ui/Tabs";
import { useSearch } from "../../ui/useSearch";

export function ConnectorChoice({ evse, ids, value }: { evse: Evse; ids: number[]; value: number }) {
  const [, change] = useSearch();
  const { evse_uid } = evse;
  const text = ids.join();
  const states = usePictureFigure(
    useCallback(
      (picture: Picture) =>
        text.split(",").map((id) => {
          const connector = picture.connector(connectorKey(evse_uid, Number(id)));
          return connector === undefined ? "" : stateOf(connector);
        }),
      [evse_uid, text],
    ),
  );
  return (
    <Choice
      label="Connector"
      choices={ids.map((id, index) => {
        const state = states[index] ?? "";
        return [String(id), state === "" ? `Connector ${id}` : `${id} · ${STATUS_WORDS[state] ?? state}`];
      })}
      value={String(value)}
      onChange={(connector) => change({ connector })}
    />
  );
}
