// A session as it is now: while it runs, its connector tells what it has taken with every reading.
import { type ReactNode, useMemo } from "react";
import type { Session } from "../../api/types";
import { useConnector } from "../../live/hooks";
import { connectorKey } from "../../live/picture";
import { updated } from "./useLiveSessions";

export function useLiveSession(session: Session): Session {
  const live = useConnector(connectorKey(session.evse_uid, session.connector_id))?.session;
  return useMemo(
    () => (session.status === "ACTIVE" && live?.id === session.id ? updated(session, live) : session),
    [session, live],
  );
}

/** Draws only what is in it again, not the whole row. */
export function Live({ session, children }: { session: Session; children: (now: Session) => ReactNode }) {
  return children(useLiveSession(session));
}
