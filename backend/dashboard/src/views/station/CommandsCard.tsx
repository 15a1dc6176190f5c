// What a station can be told to do, how far it is with that, and what it was told before.
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Page";
import { Loading } from "../../ui/States";
import { useAnnounce } from "../../ui/Toasts";
import { CommandProgress } from "./CommandProgress";
import styles from "./Commands.module.css";
import { COMMAND_KINDS, type CommandKind, commandText, objectionTo } from "./commandKinds";
import { isOpen, outcomeOf } from "./commandSteps";
import { Disclosure } from "./Disclosure";
import { type StationCommands, useCommands } from "./useCommands";
import { useConnectorPart } from "./useConnectorPart";
import type { StationNow } from "./useStation";

// Loaded when they are asked for: the view itself is heavy enough.
const CommandDialog = lazy(() => import("./CommandDialog"));
const RecentCommands = lazy(() => import("./RecentCommands"));

const UNSEEN = "Your role may not see what becomes of it.";

interface Props {
  station: StationNow;
  connector_id: number;
}

export function CommandsCard({ station, connector_id }: Props) {
  const { evse_uid } = station;
  const registered = station.connectors.find((each) => each.connector_id === connector_id);
  const liveStatus = useConnectorPart(evse_uid, connector_id, (connector) => connector.status);
  const liveSession = useConnectorPart(evse_uid, connector_id, (connector) => connector.session?.id ?? null);
  const status = liveStatus === undefined ? (registered?.status ?? null) : liveStatus;
  const session_id = liveSession === undefined ? (registered?.session_id ?? null) : liveSession;
  const may = useMay();
  const knowsSessions = may("session:read");
  const mayControl = may("evse:control");
  const mayRead = may("command:read");
  const mayFollow = mayRead || may("command:read_own");
  const commands = useCommands(evse_uid);
  const [asking, setAsking] = useState<{ kind: CommandKind; session_id: string | null } | null>(null);
  const announce = useAnnounce();
  useOutcomes(commands);
  if (!mayControl && !mayRead) return null;
  const situation = {
    isEnabled: station.is_enabled,
    hasSession: session_id !== null || (knowsSessions ? false : null),
    status,
  };
  const objections = new Map(COMMAND_KINDS.map((kind) => [kind, objectionTo(kind.word, situation)]));
  const reasons = station.is_enabled
    ? reasonsIn(objections)
    : "The station is disabled: it cannot be told anything.";
  return (
    <Card title="Commands">
      {mayControl && (
        <>
          <div className={styles["buttons"]}>
            {COMMAND_KINDS.map((kind) => (
              <Button
                key={kind.word}
                disabled={objections.get(kind) !== null}
                aria-describedby={objections.get(kind) === null ? undefined : "command-reasons"}
                onClick={() => setAsking({ kind, session_id })}
              >
                {kind.title}
              </Button>
            ))}
          </div>
          <p id="command-reasons" className={styles["note"]}>
            {station.is_online ? "" : "The station is offline: commands can wait for it. "}
            {reasons}
          </p>
        </>
      )}
      {mayFollow && commands.open.length > 0 && (
        <ul className={styles["open"]} aria-label="Commands under way">
          {commands.open.map((command) => (
            <CommandProgress
              key={command.id}
              command={command}
              zone={station.zone}
              isOnline={station.is_online}
              mayCancel={mayControl}
              onChanged={commands.note}
            />
          ))}
        </ul>
      )}
      {mayRead && (
        <Disclosure title="Recent commands">
          {() => (
            <Suspense fallback={<Loading />}>
              <RecentCommands pages={commands.pages} zone={station.zone} />
            </Suspense>
          )}
        </Disclosure>
      )}
      {asking !== null && (
        <Suspense>
          <CommandDialog
            kind={asking.kind}
            target={{
              evse_uid,
              name: station.title,
              connector_id,
              hasMore: station.connectors.length > 1,
              isOnline: station.is_online,
              session_id: asking.session_id,
            }}
            onAsked={(command) => {
              commands.note(command);
              if (!mayFollow) announce.done(`${commandText(command)}: asked. ${UNSEEN}`);
            }}
            onClose={() => setAsking(null)}
          />
        </Suspense>
      )}
    </Card>
  );
}

/** `Stop, Pause: no session is running.` */
function reasonsIn(objections: ReadonlyMap<CommandKind, string | null>): string {
  const titles = new Map<string, string[]>();
  for (const [kind, reason] of objections)
    if (reason !== null) titles.set(reason, [...(titles.get(reason) ?? []), kind.title]);
  return [...titles].map(([reason, names]) => `${names.join(", ")}: ${reason}`).join(" ");
}

/** Tells the end of each command that was asked for here. */
function useOutcomes({ mine }: StationCommands): void {
  const announce = useAnnounce();
  const told = useRef(new Set<string>());
  useEffect(() => {
    for (const command of mine) {
      if (isOpen(command) || told.current.has(command.id)) continue;
      told.current.add(command.id);
      const text = `${commandText(command)}: ${outcomeOf(command)}`;
      if (command.status === "completed" || command.status === "cancelled") announce.done(text);
      else announce.failed(new Error(text));
    }
  }, [mine, announce]);
}
