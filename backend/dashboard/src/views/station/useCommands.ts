// The commands to a station: the list of the API, and on top of it what is live and what was just asked for.
import { useCallback, useMemo, useState } from "react";
import { dataOf } from "../../api/client";
import { type CursorPages, useCursorPages } from "../../api/queries";
import type { Command } from "../../api/types";
import { useIsLive, useLiveCommands, useSnapshotCount } from "../../live/hooks";
import type { LiveCommand } from "../../live/protocol";
import { useApi, useMay } from "../../services";
import { isOpen } from "./commandSteps";
import { useAskAgain } from "./useAskAgain";

/** Live ones come without their parameters. */
export type KnownCommand = LiveCommand & Partial<Pick<Command, "params">>;

const PAGE = 10;
/** While the page is not live. */
const ASK_EVERY_MS = 5000;

export interface StationCommands {
  pages: CursorPages<KnownCommand>;
  open: KnownCommand[];
  /** Those that this page asked for, finished ones too. */
  mine: KnownCommand[];
  /** Note what was asked for, or what the API says of a command now. */
  note: (command: Command) => void;
}

export function useCommands(evse_uid: string): StationCommands {
  const api = useApi();
  const isLive = useIsLive();
  const mayRead = useMay()("command:read");
  const live = useLiveCommands();
  const snapshotCount = useSnapshotCount();
  const [noted, setNoted] = useState<ReadonlyMap<string, Command>>(new Map());
  const key = ["station commands", evse_uid];
  const pages = useCursorPages(
    key,
    (cursor, signal) =>
      dataOf(
        api.GET("/api/v1/commands", {
          params: { query: { evse_uid, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) } },
          signal,
        }),
      ),
    { enabled: mayRead, ...(isLive ? {} : { refetchIntervalMs: ASK_EVERY_MS }) },
  );
  const ours = useMemo(
    () => [...live.values()].filter((command) => command.evse_uid === evse_uid),
    [live, evse_uid],
  );
  // What others ask for is in the list as well; its parameters come with the API's answer only.
  useAskAgain(
    key,
    `${snapshotCount} ${ours.map((command) => command.id).sort()} ${ours.filter(isOpen).length}`,
  );

  const known = useMemo(() => {
    const all = new Map<string, KnownCommand>();
    for (const command of [...pages.items, ...noted.values(), ...ours]) {
      const before = all.get(command.id);
      all.set(command.id, before === undefined ? command : newer(before, command));
    }
    return all;
  }, [pages.items, noted, ours]);
  const inOrder = [...known.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
  // Of older ones the API's next page says whether there is something between.
  const oldest = pages.hasMore ? (pages.items[pages.items.length - 1]?.created_at ?? "") : "";
  return {
    pages: { ...pages, items: inOrder.filter((command) => command.created_at >= oldest) },
    open: inOrder.filter(isOpen),
    mine: [...noted.keys()].flatMap((id) => known.get(id) ?? []),
    note: useCallback((command) => setNoted((before) => new Map(before).set(command.id, command)), []),
  };
}

const ORDER = ["pending", "sent", "accepted"];

/** A command never goes back: whichever is further on is the present one. */
function newer(one: KnownCommand, other: KnownCommand): KnownCommand {
  const reached = (command: KnownCommand) => (isOpen(command) ? ORDER.indexOf(command.status) : ORDER.length);
  const [late, early] = reached(other) >= reached(one) ? [other, one] : [one, other];
  const params = late.params ?? early.params;
  return params === undefined ? late : { ...late, params };
}
