// One clock for all ages and running times of the overview: whoever shows one is drawn with it, the rest is not.
import { createContext, type ReactNode, useContext } from "react";
import { serverNowMs } from "../../clock";
import { about, ago, exact, span } from "../../format/time";
import { useNowMs } from "../../live/hooks";
import type { LiveConnector } from "../../live/protocol";
import { seenAt } from "../../live/seen";
import { Icon } from "../../ui/Icon";
import { isSilent } from "./places";
import styles from "./Tile.module.css";

const NowContext = createContext<number | null>(null);

export function Clock({ children }: { children: ReactNode }) {
  return <NowContext value={useNowMs(1000)}>{children}</NowContext>;
}

function useClock(): number {
  return useContext(NowContext) ?? serverNowMs();
}

/** How long a session has been running. */
export function Running({ since }: { since: string }) {
  return <span className="tabular">{span((useClock() - Date.parse(since)) / 1000)}</span>;
}

/** When something was last heard of it; marked when it is online and silent all the same. */
export function LastSeen({
  connector,
  zone,
  word = "",
}: {
  connector: LiveConnector;
  zone: string;
  /** In front of the age, where no column's head says what it is. */
  word?: string;
}) {
  const nowMs = useClock();
  const at = seenAt(connector);
  if (at === null || at === undefined) return <span>{at === null ? "never" : "–"}</span>;
  if (isSilent(connector, nowMs)) {
    return (
      <time dateTime={at} title={exact(at, zone)} className={`${styles["silent"]} tabular`}>
        <Icon name="warning" /> silent {about((nowMs - Date.parse(at)) / 1000)}
      </time>
    );
  }
  return (
    <time dateTime={at} title={exact(at, zone)} className="tabular">
      {word} {ago(at, nowMs)}
    </time>
  );
}
