// What a selection of sessions comes to.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { dataOf } from "../../api/client";
import { moneys } from "../../format/money";
import { energy, number, power, UNKNOWN } from "../../format/number";
import { about } from "../../format/time";
import { useApi } from "../../services";
import { Card } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import type { SessionFilters } from "./filters";
import { SourceBar } from "./SourceBar";
import styles from "./TotalsFigures.module.css";

/** The server goes through every session of the selection. */
const EVERY_MS = 60_000;

export interface Selection extends SessionFilters {
  date_from: string;
  date_to: string;
}

export function TotalsFigures({ selection }: { selection: Selection }) {
  const api = useApi();
  const { data, error, refetch, isPlaceholderData } = useQuery({
    queryKey: ["session-totals", selection],
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/sessions/totals", { params: { query: { ...selection } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });
  if (error !== null && data === undefined) return <Failure error={error} onRetry={() => void refetch()} />;
  return (
    <Card>
      <div
        className={`${styles["totals"]} ${isPlaceholderData ? styles["old"] : ""}`}
        aria-busy={data === undefined || isPlaceholderData}
      >
        <dl className={styles["figures"]}>
          <Total name="Sessions" value={number(data?.session_count)}>
            {number(data?.active_session_count)} running
          </Total>
          <Total
            name="Cost without VAT"
            value={data ? moneys(data.money) : UNKNOWN}
            isLong={data !== undefined && data.money.length > 1}
          />
          <Total name="Charging time" value={about(data?.charging_s)}>
            of all together
          </Total>
          <Total name="Peak power" value={power(data?.peak_power_w)}>
            of one session
          </Total>
          <Total name="Energy" value={energy(data?.energy_wh)} />
        </dl>
        <div className={styles["sources"]}>
          {data === undefined ? <Loading label="Loading the totals" rows={2} /> : <SourceBar of={data} />}
        </div>
      </div>
    </Card>
  );
}

function Total({
  name,
  value,
  isLong = false,
  children,
}: {
  name: string;
  value: string;
  /** Several sums: they may go on below each other. */
  isLong?: boolean;
  children?: ReactNode;
}) {
  return (
    <div className={isLong ? styles["long"] : undefined}>
      <dt>{name}</dt>
      <dd className="tabular">
        {value}
        <span className={styles["note"]}>{children}</span>
      </dd>
    </div>
  );
}
