// One bill: what was taken at which prices, VAT and totals, and its files.
import type { Bill } from "../../api/types";
import { money, pricePerKwh } from "../../format/money";
import { energy } from "../../format/number";
import { clock, exact, localDay, oneZoneName, zoneName } from "../../format/time";
import { Card } from "../../ui/Page";
import { Badge } from "../../ui/Status";
import { type Column, Table } from "../../ui/Table";
import styles from "./BillCard.module.css";
import { FileButton } from "./FileButton";
import { percent } from "./vat";

type BillLine = Bill["lines"][number];

interface Props {
  bill: Bill;
  /** The invoice that this credit takes back. */
  credited: Bill | undefined;
  isTakenBack: boolean;
  zone: string;
}

export function BillCard({ bill, credited, isTakenBack, zone }: Props) {
  const kind = bill.kind === "credit" ? "Credit" : "Invoice";
  const path = `/api/v1/bills/${bill.id}`;
  const issuer = [bill.issuer.operator_name ?? bill.issuer.name, bill.issuer.city].filter(
    (each) => each !== null,
  );
  return (
    <Card
      title={`${kind} no. ${bill.number}`}
      aside={
        <>
          issued {exact(bill.issued_at, zone)}
          {credited !== undefined && `, takes back invoice no. ${credited.number}`}{" "}
          {isTakenBack && <Badge tone="idle">Taken back</Badge>}
        </>
      }
      actions={
        <>
          <FileButton path={`${path}/pdf`} name={`bill-${bill.number}.pdf`} label="PDF" />
          <FileButton path={`${path}/cdr`} name={`cdr-${bill.number}.json`} label="CDR (JSON)" />
        </>
      }
    >
      <Table
        caption={`Lines of ${kind.toLowerCase()} no. ${bill.number}`}
        rows={bill.lines}
        keyOf={(line) => line.started_at + line.price_solar_per_kwh + line.price_grid_per_kwh}
        columns={columnsOf(bill, zone)}
      />
      <div className={styles["end"]}>
        <p className={styles["issuer"]}>{issuer.join(", ")}</p>
        <dl className={styles["totals"]}>
          <dt>Total without VAT</dt>
          <dd>{money(bill.total, bill.currency)}</dd>
          <dt>VAT {percent(bill.vat_percent)}</dt>
          <dd>{money(bill.vat, bill.currency)}</dd>
          <dt className={styles["sum"]}>Total with VAT</dt>
          <dd className={styles["sum"]}>{money(bill.total_incl_vat, bill.currency)}</dd>
        </dl>
      </div>
    </Card>
  );
}

function columnsOf(bill: Bill, zone: string): Column<BillLine>[] {
  const zoneShown = oneZoneName(
    zone,
    bill.lines.flatMap((line) => [line.started_at, line.ended_at]),
  );
  const columns: Column<BillLine>[] = [
    {
      title: zoneShown === null ? "Time" : `Time (${zoneShown})`,
      cell: (line) => <Period line={line} zone={zone} withZone={zoneShown === null} />,
    },
    {
      title: "Solar",
      isNumber: true,
      cell: (line) => (
        <Priced wh={line.energy_solar_wh} price={pricePerKwh(line.price_solar_per_kwh, bill.currency)} />
      ),
    },
    {
      title: "Grid",
      isNumber: true,
      cell: (line) => (
        <Priced wh={line.energy_grid_wh} price={pricePerKwh(line.price_grid_per_kwh, bill.currency)} />
      ),
    },
  ];
  if (bill.energy_unattributed_wh > 0)
    columns.push({
      title: "Source unknown",
      isNumber: true,
      cell: (line) => (
        <Priced
          wh={line.energy_unattributed_wh}
          price={pricePerKwh(line.price_grid_per_kwh, bill.currency)}
        />
      ),
    });
  columns.push({
    title: "Cost without VAT",
    isNumber: true,
    cell: (line) => money(line.cost, bill.currency),
  });
  return columns;
}

/** The offset stands with each time where the clock changes within the bill, else in the column's head. */
function Period({ line, zone, withZone }: { line: BillLine; zone: string; withZone: boolean }) {
  const say = (at: string) =>
    withZone ? exact(at, zone) : exact(at, zone).replace(` ${zoneName(zone, at)}`, "");
  const isOneDay = localDay(line.started_at, zone) === localDay(line.ended_at, zone);
  return (
    <span className="tabular">
      {say(line.started_at)} – {isOneDay && !withZone ? clock(line.ended_at, zone) : say(line.ended_at)}
    </span>
  );
}

function Priced({ wh, price }: { wh: number; price: string }) {
  return (
    <>
      {energy(wh)}
      <span className={styles["price"]}>{price}</span>
    </>
  );
}
