// The commands that a driver asked for, as far as they have come. The end of each is announced.
import { useQueries } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { dataOf } from "../../api/client";
import type { components } from "../../api/schema";
import type { Command } from "../../api/types";
import { useIsLive, useLiveCommands, useSnapshotCount } from "../../live/hooks";
import type { LiveCommand } from "../../live/protocol";
import { useApi, useMe } from "../../services";
import { useAnnounce } from "../../ui/Toasts";
import { isOpen, outcomeOf } from "../station/commandSteps";
import { titleOf } from "./words";

type Schemas = components["schemas"];
export type DriversCommand =
  | Schemas["NewStart"]
  | Schemas["NewStop"]
  | Schemas["NewPause"]
  | Schemas["NewResume"];

/** While the page is not live. */
const ASK_EVERY_MS = 3000;

export interface MyCommands {
  /** Unfinished ones, oldest first. */
  open: LiveCommand[];
  /** Asks the station. `key`: of the request, so that sending it again asks for nothing more. Throws a Problem. */
  ask: (body: DriversCommand, key: string) => Promise<void>;
}

export function useMyCommands(): MyCommands {
  const api = useApi();
  const { user } = useMe();
  const announce = useAnnounce();
  const live = useLiveCommands();
  const [asked, setAsked] = useState<readonly LiveCommand[]>([]);
  const told = useRef(new Set<string>());
  const answers = useAnswers(asked);

  // Asked for before the page was opened, or on another one.
  const others = [...live.values()].filter(
    (command) =>
      isOpen(command) &&
      command.requested_by === user.username &&
      !asked.some((each) => each.id === command.id),
  );
  useEffect(() => {
    if (others.length > 0) setAsked((all) => [...all, ...others]);
  });
  const known = asked.map((command) => {
    const said = [live.get(command.id), answers.get(command.id), command].filter(
      (each) => each !== undefined,
    );
    return said.find((each) => !isOpen(each)) ?? said[0] ?? command;
  });
  useEffect(() => {
    for (const command of known) {
      if (isOpen(command) || told.current.has(command.id)) continue;
      told.current.add(command.id);
      const text = `${titleOf(command.command)}: ${outcomeOf(command)}`;
      if (command.status === "completed") announce.done(text);
      else announce.failed(new Error(text));
    }
  });
  const ask = useCallback(
    async (body: DriversCommand, key: string) => {
      const params = { header: { "Idempotency-Key": key } };
      const command = await dataOf(api.POST("/api/v1/commands", { params, body }));
      setAsked((all) => [...all.filter((each) => each.id !== command.id), command]);
    },
    [api],
  );
  return { open: known.filter(isOpen), ask };
}

/** What the API says of them: after each gap, as what finished meanwhile is in no snapshot, and while not live. */
function useAnswers(asked: readonly LiveCommand[]): ReadonlyMap<string, Command> {
  const api = useApi();
  const isLive = useIsLive();
  const snapshotCount = useSnapshotCount();
  const answers = useQueries({
    queries: asked.map((command) => ({
      queryKey: ["command", command.id, snapshotCount],
      queryFn: () =>
        dataOf(api.GET("/api/v1/commands/{command_id}", { params: { path: { command_id: command.id } } })),
      refetchInterval: (query: { state: { data: Command | undefined } }) =>
        isLive || query.state.data?.finished_at ? (false as const) : ASK_EVERY_MS,
    })),
  });
  return new Map(answers.flatMap(({ data }) => (data === undefined ? [] : [[data.id, data] as const])));
}
