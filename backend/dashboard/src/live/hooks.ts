// The live picture for components: each draws again only when what it shows has changed.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { serverNowMs } from "../clock";
import { useServices } from "../services";
import type { ConnectionState } from "./connection";
import type { ConnectorKey, Picture } from "./picture";
import type { LiveAlert, LiveCommand, LiveConnector, LiveSession } from "./protocol";

export function useConnection(): ConnectionState {
  const { connection } = useServices();
  return useSyncExternalStore(connection.subscribe, () => connection.state);
}

/** Whether what the picture shows is current. */
export function useIsLive(): boolean {
  return useConnection().status === "live";
}

/** How often to ask the API for what is told live otherwise: while the page is not live. */
export function useRefetchMs(everyMs: number): number | false {
  return useIsLive() ? false : everyMs;
}

/** The newest of one connector; undefined: not in the picture. */
export function useConnector(key: ConnectorKey): LiveConnector | undefined {
  const { picture } = useServices();
  const subscribe = useCallback((listener: () => void) => picture.watch(key, listener), [picture, key]);
  return useSyncExternalStore(subscribe, () => picture.connector(key));
}

/** The connectors of one station that the picture holds. */
export function useConnectorKeys(evseUid: string): readonly ConnectorKey[] {
  const { picture } = useServices();
  return useSyncExternalStore(
    useCallback((listener: () => void) => picture.watchAll(listener), [picture]),
    () => picture.keysOf(evseUid),
  );
}

/** Open and acknowledged alerts, by their ids. */
export function useLiveAlerts(): ReadonlyMap<number, LiveAlert> {
  const { picture } = useServices();
  return useSyncExternalStore(
    useCallback((listener: () => void) => picture.watchAll(listener), [picture]),
    () => picture.alerts,
  );
}

/** Unfinished commands, and those that finished while the page was open. */
export function useLiveCommands(): ReadonlyMap<string, LiveCommand> {
  const { picture } = useServices();
  return useSyncExternalStore(
    useCallback((listener: () => void) => picture.watchAll(listener), [picture]),
    () => picture.commands,
  );
}

/** How often a snapshot has come: put it into a query's key to ask again after every gap. */
export function useSnapshotCount(): number {
  const { picture } = useServices();
  return useSyncExternalStore(
    useCallback((listener: () => void) => picture.watchAll(listener), [picture]),
    () => picture.snapshotCount,
  );
}

/** Called with every session that changes while the component is shown. */
export function useSessionChanges(onChange: (session: LiveSession) => void): void {
  const { picture } = useServices();
  const latest = useRef(onChange);
  useEffect(() => {
    latest.current = onChange;
  });
  useEffect(() => picture.watchSessions((session) => latest.current(session)), [picture]);
}

/**
 * A figure over the whole picture, computed at most every `everyMs`, however many frames come.
 * `compute` must be the same function between renders (outside the component, or useCallback).
 */
export function usePictureFigure<T>(compute: (picture: Picture) => T, everyMs = 500): T {
  const { picture } = useServices();
  const [figure, setFigure] = useState(() => compute(picture));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    let computedAtMs = performance.now();
    const recompute = () => {
      timer = null;
      computedAtMs = performance.now();
      setFigure(() => compute(picture));
    };
    recompute();
    const stop = picture.watchAll(() => {
      timer ??= setTimeout(recompute, Math.max(0, computedAtMs + everyMs - performance.now()));
    });
    return () => {
      stop();
      if (timer !== null) clearTimeout(timer);
    };
  }, [picture, compute, everyMs]);
  return figure;
}

/** The server's time, drawn again every `everyMs`: for ages and running clocks. */
export function useNowMs(everyMs = 1000): number {
  const [nowMs, setNowMs] = useState(serverNowMs);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(serverNowMs()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
