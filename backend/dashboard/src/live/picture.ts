// The live picture: the newest of every connector, the open alerts, the unfinished commands. No I/O.
//
// Readers subscribe to exactly what they show, so that a frame of a hundred connectors draws a hundred tiles at most.
import type { Frame, LiveAlert, LiveCommand, LiveConnector, LiveSession, Snapshot } from "./protocol";

/** `connector_id` of `evse_uid`; a uid holds no space. */
export type ConnectorKey = string;

export function connectorKey(evseUid: string, connectorId: number): ConnectorKey {
  return `${evseUid} ${connectorId}`;
}

type Listener = () => void;

/** How long a finished command or a session that ended stays readable, for whoever watches it. */
const REMEMBERED_COUNT = 200;

export class Picture {
  /** Counts changes of which connectors there are, and at which site: for lists. */
  membershipVersion = 0;
  /** Counts frames and snapshots: for figures over everything, which read at a pace of their own. */
  version = 0;
  /** When the last snapshot came; anything fetched before may have missed something. 0: none yet. */
  snapshotCount = 0;

  readonly #connectors = new Map<ConnectorKey, LiveConnector>();
  readonly #keysOfEvse = new Map<string, readonly ConnectorKey[]>();
  readonly #listenersOf = new Map<ConnectorKey, Set<Listener>>();
  readonly #listeners = new Set<Listener>();
  readonly #sessionListeners = new Set<(session: LiveSession) => void>();
  #alerts: ReadonlyMap<number, LiveAlert> = new Map();
  #commands: ReadonlyMap<string, LiveCommand> = new Map();

  /** Everything as it stands: always the same object, which changes. Read it, do not keep it. */
  get connectors(): ReadonlyMap<ConnectorKey, LiveConnector> {
    return this.#connectors;
  }

  /** Open and acknowledged alerts. A new map whenever one changes. */
  get alerts(): ReadonlyMap<number, LiveAlert> {
    return this.#alerts;
  }

  /** Unfinished commands, and those that finished a while ago. A new map whenever one changes. */
  get commands(): ReadonlyMap<string, LiveCommand> {
    return this.#commands;
  }

  connector(key: ConnectorKey): LiveConnector | undefined {
    return this.#connectors.get(key);
  }

  /** The connectors of a station, by their numbers. The same array until one is added or goes. */
  keysOf(evseUid: string): readonly ConnectorKey[] {
    return this.#keysOfEvse.get(evseUid) ?? NONE;
  }

  /** Everything anew: it replaces all that was told before. */
  replace(snapshot: Snapshot): void {
    const gone = new Set(this.#connectors.keys());
    this.#connectors.clear();
    this.#keysOfEvse.clear();
    for (const update of snapshot.updates) {
      const key = connectorKey(update.evse_uid, update.connector_id);
      if (!this.#connectors.has(key)) this.#enlist(update, key);
      this.#connectors.set(key, update);
      gone.delete(key);
    }
    this.#alerts = new Map((snapshot.alerts ?? []).map((alert) => [alert.id, alert]));
    const finished = [...this.#commands.values()].filter((command) => command.finished_at !== null);
    this.#commands = new Map(
      [...finished, ...(snapshot.commands ?? [])].map((command) => [command.id, command]),
    );
    this.membershipVersion += 1;
    this.snapshotCount += 1;
    this.#tell([...this.#connectors.keys(), ...gone]);
  }

  /** What changed since. */
  apply(frame: Frame): void {
    const keys: ConnectorKey[] = [];
    for (const update of frame.updates) {
      const key = connectorKey(update.evse_uid, update.connector_id);
      const before = this.#connectors.get(key);
      if (before === undefined) this.#enlist(update, key);
      if (before?.site_id !== update.site_id) this.membershipVersion += 1;
      this.#connectors.set(key, update);
      keys.push(key);
    }
    if (frame.alerts !== undefined) this.#applyAlerts(frame.alerts);
    if (frame.commands !== undefined) this.#applyCommands(frame.commands);
    this.#tell(keys);
    for (const session of frame.sessions ?? [])
      for (const listener of this.#sessionListeners) listener(session);
  }

  /** Nothing of what was told stays: it was for one user, and the next one may not see it. */
  forget(): void {
    const gone = [...this.#connectors.keys()];
    this.#connectors.clear();
    this.#keysOfEvse.clear();
    this.#alerts = new Map();
    this.#commands = new Map();
    this.snapshotCount = 0;
    this.membershipVersion += 1;
    this.#tell(gone);
  }

  /** Called after every change of one connector. Returns how to end it. */
  watch(key: ConnectorKey, listener: Listener): () => void {
    const listeners = this.#listenersOf.get(key) ?? new Set();
    this.#listenersOf.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listenersOf.get(key) === listeners) this.#listenersOf.delete(key);
    };
  }

  /** Called after every frame and snapshot. */
  watchAll(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called with every session that changed, in order. */
  watchSessions(listener: (session: LiveSession) => void): () => void {
    this.#sessionListeners.add(listener);
    return () => this.#sessionListeners.delete(listener);
  }

  #enlist(update: LiveConnector, key: ConnectorKey): void {
    const keys = [...this.keysOf(update.evse_uid), key];
    const numberOf = (each: ConnectorKey) => Number(each.slice(each.lastIndexOf(" ") + 1));
    this.#keysOfEvse.set(
      update.evse_uid,
      keys.sort((a, b) => numberOf(a) - numberOf(b)),
    );
  }

  #applyAlerts(changed: LiveAlert[]): void {
    const alerts = new Map(this.#alerts);
    for (const alert of changed) {
      if (alert.resolved_at === null) alerts.set(alert.id, alert);
      else alerts.delete(alert.id);
    }
    this.#alerts = alerts;
  }

  #applyCommands(changed: LiveCommand[]): void {
    const commands = new Map(this.#commands);
    for (const command of changed) {
      commands.delete(command.id); // again at the end: the map is in order of the last change
      commands.set(command.id, command);
    }
    for (const command of commands.values()) {
      if (commands.size <= REMEMBERED_COUNT) break;
      if (command.finished_at !== null) commands.delete(command.id);
    }
    this.#commands = commands;
  }

  #tell(keys: Iterable<ConnectorKey>): void {
    this.version += 1;
    for (const key of keys) for (const listener of this.#listenersOf.get(key) ?? []) listener();
    for (const listener of this.#listeners) listener();
  }
}

const NONE: readonly ConnectorKey[] = [];
