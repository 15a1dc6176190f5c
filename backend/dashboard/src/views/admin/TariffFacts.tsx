// What one version of a site's prices says.
import type { Tariff } from "../../api/types";
import { WEEKDAYS } from "../../charts/heat";
import { pricePerKwh } from "../../format/money";
import { Facts } from "../../ui/Page";
import { type Column, Table } from "../../ui/Table";
import { Time } from "../../ui/Time";
import { percent } from "../sessions/vat";
import styles from "./Tariffs.module.css";
import { TariffWeek, TimeNumber } from "./TariffWeek";
import { DAYS } from "./weekOfTariff";

type Element = Tariff["elements"][number];
type Row = Element & { index: number };

export function TariffFacts({ tariff, zone }: { tariff: Tariff; zone: string }) {
  const { currency, elements } = tariff;
  const rows = elements.map((element, index) => ({ ...element, index }));
  return (
    <div className={styles["facts"]}>
      <Facts
        facts={[
          [
            "In force from",
            isAlways(tariff) ? (
              "the beginning"
            ) : (
              <Time key="from" at={tariff.valid_from} zone={zone} withZone />
            ),
          ],
          ["Solar", pricePerKwh(tariff.price_solar_per_kwh, currency)],
          ["Grid, and unattributed", pricePerKwh(tariff.price_grid_per_kwh, currency)],
          ["VAT, on top", percent(tariff.vat_percent)],
          [
            "Times of day",
            elements.length === 0 ? "none: the same prices all week" : `by the clocks of ${tariff.timezone}`,
          ],
        ]}
      />
      {elements.length > 0 && (
        <>
          <TariffWeek elements={elements} />
          <Table
            caption="Prices by time of day"
            columns={columnsOf(currency)}
            rows={rows}
            keyOf={(row) => row.index}
          />
        </>
      )}
    </div>
  );
}

/** A site's first prices hold from before all sessions. */
export function isAlways(tariff: Tariff): boolean {
  return Date.parse(tariff.valid_from) < Date.UTC(2000, 0, 1);
}

function columnsOf(currency: string): Column<Row>[] {
  return [
    { title: "Time", cell: (row) => <TimeNumber index={row.index} /> },
    { title: "When", cell: (row) => `${daysText(row.day_of_week)} ${row.start_time}–${row.end_time}` },
    { title: "Solar", cell: (row) => pricePerKwh(row.price_solar_per_kwh, currency), isNumber: true },
    { title: "Grid", cell: (row) => pricePerKwh(row.price_grid_per_kwh, currency), isNumber: true },
  ];
}

/** `Mon–Fri`, `Sat, Sun`, `Every day`. */
export function daysText(days: readonly string[]): string {
  if (days.length === 0 || days.length === DAYS.length) return "Every day";
  const chosen = DAYS.flatMap((day, at) => (days.includes(day) ? [at] : []));
  const [first = 0, last = 0] = [chosen[0], chosen.at(-1)];
  const short = (at: number) => WEEKDAYS[at]?.short ?? "";
  if (chosen.length > 2 && last - first === chosen.length - 1) return `${short(first)}–${short(last)}`;
  return chosen.map(short).join(", ");
}
