// One word of a connector's live state, for what need not be drawn again with every reading.
import { useCallback, useSyncExternalStore } from "react";
import { connectorKey } from "../../live/picture";
import type { LiveConnector } from "../../live/protocol";
import { useServices } from "../../services";

/** `undefined` while the picture does not hold the connector. `pick` must give the same for the same. */
export function useConnectorPart<T extends string | boolean | null>(
  evse_uid: string,
  connector_id: number,
  pick: (connector: LiveConnector) => T,
): T | undefined {
  const { picture } = useServices();
  const key = connectorKey(evse_uid, connector_id);
  return useSyncExternalStore(
    useCallback((listener: () => void) => picture.watch(key, listener), [picture, key]),
    () => {
      const connector = picture.connector(key);
      return connector === undefined ? undefined : pick(connector);
    },
  );
}
