// A list of sessions that goes on by itself: running ones are brought up to date in place; new ones are counted,
// and shown when the reader wants them, so that no row moves away under the mouse.
import { type InfiniteData, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { dataOf } from "../../api/client";
import type { CursorPages } from "../../api/queries";
import type { Session } from "../../api/types";
import { useSessionChanges, useSnapshotCount } from "../../live/hooks";
import type { LiveSession } from "../../live/protocol";
import { useApi } from "../../services";

/** Rows are drawn again at most this often. */
const EVERY_MS = 500;

/** A session with what an update says. `total_cost` and `quality` are not in it: they are as old as the answer. */
export function updated(session: Session, live: LiveSession): Session {
  return {
    ...session,
    status: live.status === "ACTIVE" ? "ACTIVE" : "COMPLETED",
    id_token: live.id_token,
    ended_at: live.ended_at,
    end_reason: live.end_reason,
    energy_wh: live.energy_wh,
    energy_solar_wh: live.energy_solar_wh,
    energy_grid_wh: live.energy_grid_wh,
    energy_unattributed_wh: live.energy_unattributed_wh,
    peak_power_w: live.peak_power_w,
    cost: live.cost,
  };
}

type Pages = InfiniteData<{ items: Session[]; next_cursor: string | null }>;

/** What a list is with some of its sessions changed; null drops one. The same list when none of them is in it. */
export function withChanges(list: Pages, changeOf: (session: Session) => Session | null): Pages {
  let isSame = true;
  const pages = list.pages.map((page) => ({
    ...page,
    items: page.items.flatMap((session) => {
      const changed = changeOf(session);
      if (changed !== session) isSame = false;
      return changed === null ? [] : [changed];
    }),
  }));
  return isSame ? list : { ...list, pages };
}

/** It would stand before all that is shown: others may be on pages that were not asked for yet. */
function isAbove(session: LiveSession, list: Pages): boolean {
  const first = list.pages[0]?.items[0];
  return first === undefined || Date.parse(session.started_at) > Date.parse(first.started_at);
}

export interface NewSessions {
  count: number;
  show: () => void;
}

/** `key` is the list's query key; newest first where `isNew` is ever true, which says whether a session belongs there. */
export function useLiveSessions(
  key: readonly unknown[],
  pages: CursorPages<Session>,
  isNew: (session: LiveSession) => boolean,
): NewSessions {
  const api = useApi();
  const queries = useQueryClient();
  const [newIds, setNewIds] = useState<ReadonlySet<string>>(NONE);
  const pending = useRef(new Map<string, LiveSession>());
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const keyText = JSON.stringify(key);
  const { refetch } = pages;

  const apply = () => {
    timer.current = null;
    const changes = new Map(pending.current);
    pending.current.clear();
    const list = queries.getQueryData<Pages>(key);
    if (list === undefined) return; // the answer that is on its way has it
    const ended: string[] = [];
    const changed = withChanges(list, (session) => {
      const live = changes.get(session.id);
      if (live === undefined) return session;
      changes.delete(session.id);
      if (live.status === "INVALID") return null;
      if (live.status === "COMPLETED") ended.push(session.id);
      return updated(session, live);
    });
    if (changed !== list) queries.setQueryData<Pages>(key, changed);
    const came = [...changes.values()].filter((session) => isNew(session) && isAbove(session, list));
    if (came.length > 0) setNewIds((ids) => new Set([...ids, ...came.map((session) => session.id)]));
    // What an ended session costs with VAT, and what is doubtful about it, only the API says.
    for (const session_id of ended) {
      dataOf(api.GET("/api/v1/sessions/{session_id}", { params: { path: { session_id } } })).then(
        (fresh) =>
          queries.setQueryData<Pages>(
            key,
            (list) => list && withChanges(list, (session) => (session.id === session_id ? fresh : session)),
          ),
        refetch, // why not, the list says then
      );
    }
  };
  const latest = useRef(apply);
  useEffect(() => {
    latest.current = apply;
  });
  useSessionChanges((session) => {
    pending.current.set(session.id, session);
    timer.current ??= setTimeout(() => latest.current(), EVERY_MS);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list begins with no news
  useEffect(() => {
    setNewIds(NONE);
    return () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
      pending.current.clear();
    };
  }, [keyText]);

  const show = () => {
    setNewIds(NONE);
    refetch();
    void queries.invalidateQueries({ queryKey: ["session-totals"] });
  };
  useAfterGap(show);
  return { count: newIds.size, show };
}

/** Called when a snapshot has come after a gap: what was told meanwhile is lost. */
export function useAfterGap(ask: () => void): void {
  const snapshotCount = useSnapshotCount();
  const seen = useRef(snapshotCount);
  const latest = useRef(ask);
  useEffect(() => {
    latest.current = ask;
  });
  const askNow = useCallback(() => latest.current(), []);
  useEffect(() => {
    if (snapshotCount !== seen.current) askNow();
    seen.current = snapshotCount;
  }, [snapshotCount, askNow]);
}

const NONE: ReadonlySet<string> = new Set();
