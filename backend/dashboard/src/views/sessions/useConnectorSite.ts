// Which site a session's station stands at, by the live picture: an update of a session does not say.
import { useCallback } from "react";
import { connectorKey } from "../../live/picture";
import type { LiveSession } from "../../live/protocol";
import { useServices } from "../../services";

export function useConnectorSite(): (session: LiveSession) => number | undefined {
  const { picture } = useServices();
  return useCallback(
    (session) => picture.connector(connectorKey(session.evse_uid, session.connector_id))?.site_id,
    [picture],
  );
}
