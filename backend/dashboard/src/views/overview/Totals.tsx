// The figures at the top: what happens now, from the live picture; what the day brought, from the API.
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { dataOf } from "../../api/client";
import { asProblem } from "../../api/problem";
import { useSites } from "../../api/queries";
import type { Money, NowStats } from "../../api/types";
import { money } from "../../format/money";
import { energy, number, power, share, UNKNOWN } from "../../format/number";
import { clockMinute, dayTime, localDay, zoneName } from "../../format/time";
import { useIsLive, usePictureFigure, useSnapshotCount } from "../../live/hooks";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Figure, Figures } from "../../ui/Page";
import { ProblemNote } from "../../ui/States";
import { liveTotals } from "./arrangement";
import { EnergySplit } from "./EnergySplit";
import overview from "./Overview.module.css";
import styles from "./Totals.module.css";

const REFETCH_MS = 10_000;

interface Props {
  siteId: number | null;
  /** In which the API's "until" is told. */
  zone: string;
}

export function Totals({ siteId, zone }: Props) {
  const maySeeStats = useMay()("stats:read");
  const isLive = useIsLive();
  const compute = useMemo(() => steadyTotals(siteId), [siteId]);
  const live = usePictureFigure(compute);
  const { data: today, error, refetch } = useNowStats(siteId, maySeeStats);
  const sessionCount = live.sessionCount ?? today?.active_session_count;
  return (
    <>
      <div className={`${styles["totals"]} ${maySeeStats ? styles["today"] : ""}`}>
        <Figures>
          <Figure
            label="Power now"
            value={power(live.power_w)}
            note={isLive ? "of stations online" : "last known"}
          />
          {maySeeStats && <EnergyToday today={today} zone={zone} />}
          {maySeeStats && (
            <Figure label="Solar today" value={share(today?.energy_today.solar_share)} note="of the energy" />
          )}
          {maySeeStats && <MoneyToday today={today} siteId={siteId} />}
          <Figure
            label="Sessions now"
            value={number(sessionCount)}
            note={maySeeStats ? `${number(today?.session_count_today)} began today` : "running"}
          />
        </Figures>
      </div>
      {error !== null && (
        <div className={overview["problem"]}>
          <ProblemNote problem={asProblem(error)} />
          <span>
            {today === undefined ? "Today's figures are missing." : "Today's figures are not the newest."}{" "}
            <Button isSmall onClick={() => void refetch()}>
              Try again
            </Button>
          </span>
        </div>
      )}
    </>
  );
}

function useNowStats(siteId: number | null, isAllowed: boolean) {
  const api = useApi();
  const snapshotCount = useSnapshotCount();
  return useQuery({
    queryKey: ["stats-now", siteId, snapshotCount],
    queryFn: ({ signal }) =>
      dataOf(
        api.GET("/api/v1/stats/now", {
          params: { query: siteId === null ? {} : { site_id: siteId } },
          signal,
        }),
      ),
    enabled: isAllowed,
    refetchInterval: REFETCH_MS,
    // After a gap the figures before it stay until the new ones are here; those of another site do not.
    placeholderData: (previous, query) => (query?.queryKey[1] === siteId ? previous : undefined),
  });
}

/** The same object while the figures are the same. */
function steadyTotals(siteId: number | null) {
  let last = { power_w: null, sessionCount: null } as ReturnType<typeof liveTotals>;
  return (picture: Parameters<typeof liveTotals>[0]) => {
    const next = liveTotals(picture, siteId);
    if (next.power_w !== last.power_w || next.sessionCount !== last.sessionCount) last = next;
    return last;
  };
}

function EnergyToday({ today, zone }: { today: NowStats | undefined; zone: string }) {
  return (
    <Figure
      label={today === undefined ? "Energy today" : `Energy today, until ${untilText(today, zone)}`}
      value={energy(today?.energy_today.energy_wh)}
      note={<EnergySplit energy_today={today?.energy_today} />}
    />
  );
}

/** The time of day; shortly after midnight, or after a stop, it is of another day, which is said. */
function untilText({ complete_until, ts }: NowStats, zone: string): string {
  const isOfToday = localDay(complete_until, zone) === localDay(ts, zone);
  const text = isOfToday ? clockMinute(complete_until, zone) : dayTime(complete_until, zone);
  return `${text} ${zoneName(zone, complete_until)}`;
}

/** So many currencies without a session stand for all of them. */
const ZERO_COUNT = 2;

/** Each currency for itself: they are never added. Where no session began it is 0 in those of the sites. */
function MoneyToday({ today, siteId }: { today: NowStats | undefined; siteId: number | null }) {
  const { data: sites = [] } = useSites();
  const currencies = new Set(
    sites.filter((site) => siteId === null || site.id === siteId).map((site) => site.currency),
  );
  const zeros = [...currencies].slice(0, ZERO_COUNT).map((currency): Money => ({ currency, cost: "0" }));
  const sums = today === undefined ? [] : today.money_today.length > 0 ? today.money_today : zeros;
  return (
    <Figure
      label="Money today"
      value={
        sums.length === 0
          ? UNKNOWN
          : sums.map(({ cost, currency }) => (
              <span key={currency} className={`${styles["sum"]} ${sums.length > 1 ? styles["many"] : ""}`}>
                {/* The currency may stand above the amount where there is little room. */}
                {money(cost, currency).replace("\u00a0", " ")}
              </span>
            ))
      }
      note="without VAT"
    />
  );
}
