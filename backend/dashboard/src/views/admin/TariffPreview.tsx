// What one of the site's past sessions would have cost under the prices in the editor.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { components } from "../../api/schema";
import { addDecimals } from "../../format/decimal";
import { money, pricePerKwh } from "../../format/money";
import { energy } from "../../format/number";
import { dayTime } from "../../format/time";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { Facts } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import { type Column, Table } from "../../ui/Table";
import styles from "./Editors.module.css";
import { isComplete, pricesAsked, type TariffDraft } from "./tariffDraft";

type Preview = components["schemas"]["Preview"];
type Line = Preview["lines"][number];
type Asked = components["schemas"]["PreviewAsked"];
type Session = components["schemas"]["Session"];

const SESSION_COUNT = 20;

export function TariffPreview({ draft, siteId, zone }: { draft: TariffDraft; siteId: number; zone: string }) {
  const api = useApi();
  const [sessionId, setSessionId] = useState("");
  const [asked, setAsked] = useState<Asked | null>(null);
  const sessions = useQuery({
    queryKey: ["sessions", "of tariff", siteId],
    queryFn: ({ signal }) => {
      const query = { site_id: siteId, status: ["COMPLETED" as const], limit: SESSION_COUNT };
      return dataOf(api.GET("/api/v1/sessions", { params: { query }, signal }));
    },
  });
  const preview = useQuery({
    queryKey: ["tariff preview", asked],
    queryFn: ({ signal }) => {
      if (asked === null) throw new Error("nothing is asked");
      return dataOf(api.POST("/api/v1/tariffs/preview", { body: asked, signal }));
    },
    enabled: asked !== null,
    retry: false,
  });
  const chosen = sessionId || newestWithEnergy(sessions.data?.items ?? []);
  const present = { ...pricesAsked(draft), session_id: chosen };
  const isOld = asked !== null && JSON.stringify(asked) !== JSON.stringify(present);
  return (
    <fieldset className={styles["group"]}>
      <legend>Try it on a past session</legend>
      {sessions.error !== null && <Failure error={sessions.error} onRetry={() => void sessions.refetch()} />}
      {sessions.data?.items.length === 0 && <p>No session has ended at this site yet.</p>}
      {chosen !== "" && (
        <>
          <SelectField
            label={`Session, begun in ${zone}`}
            value={chosen}
            onChange={(event) => setSessionId(event.target.value)}
          >
            {sessions.data?.items.map((session) => (
              <option key={session.id} value={session.id}>
                {dayTime(session.started_at, zone)}, {session.evse_uid}, {energy(session.energy_wh)},{" "}
                {money(session.cost, session.currency)}
              </option>
            ))}
          </SelectField>
          <div className={styles["links"]}>
            <Button isSmall disabled={!isComplete(draft)} onClick={() => setAsked(present)}>
              Show what it would cost
            </Button>
            <span className={styles["hint"]} role="status">
              {isComplete(draft) ? isOld && "Changed since: show it again." : "Fill in all prices first."}
            </span>
          </div>
        </>
      )}
      {preview.isLoading && <Loading label="Computing" rows={2} />}
      {preview.error !== null && !isOld && <Failure error={preview.error} />}
      {preview.data && !isOld && <Effect preview={preview.data} zone={zone} />}
    </fieldset>
  );
}

/** The one that tells most: whoever only plugged in and left pays the same under all prices. */
function newestWithEnergy(sessions: readonly Pick<Session, "id" | "energy_wh">[]): string {
  return (sessions.find((session) => session.energy_wh > 0) ?? sessions[0])?.id ?? "";
}

function Effect({ preview, zone }: { preview: Preview; zone: string }) {
  const { currency } = preview;
  const hasVat =
    preview.total !== preview.total_incl_vat || preview.present_total !== preview.present_total_incl_vat;
  const both = (excl: string, incl: string) => (
    <span className="tabular">
      {money(excl, currency)}
      {hasVat && ` without VAT, ${money(incl, currency)} with VAT`}
    </span>
  );
  return (
    <>
      <Facts
        facts={[
          ["Now", both(preview.present_total, preview.present_total_incl_vat)],
          ["With these prices", both(preview.total, preview.total_incl_vat)],
          [
            "Difference",
            <b key="difference" className="tabular">
              {differenceText(preview.total, preview.present_total, currency)}
              {hasVat &&
                ` without VAT, ${differenceText(preview.total_incl_vat, preview.present_total_incl_vat, currency)} with VAT`}
            </b>,
          ],
        ]}
      />
      <Table
        caption="The session line by line"
        columns={columnsOf(currency, zone)}
        rows={preview.lines}
        keyOf={(line) => line.started_at + line.price_solar_per_kwh + line.price_grid_per_kwh}
      />
    </>
  );
}

/** Exact, with its sign: `+JMD 12.50`. */
function differenceText(amount: string, before: string, currency: string): string {
  const difference = addDecimals(amount, before.startsWith("-") ? before.slice(1) : `-${before}`);
  if (/^-?[0.]+$/.test(difference)) return "none";
  return `${difference.startsWith("-") ? "" : "+"}${money(difference, currency)}`;
}

function columnsOf(currency: string, zone: string): Column<Line>[] {
  const part = (wh: number, price: string) => (
    <>
      {energy(wh)}
      <span className={styles["small"]}>{pricePerKwh(price, currency)}</span>
    </>
  );
  return [
    { title: "From", cell: (line) => dayTime(line.started_at, zone) },
    { title: "Solar", cell: (line) => part(line.energy_solar_wh, line.price_solar_per_kwh), isNumber: true },
    { title: "Grid", cell: (line) => part(line.energy_grid_wh, line.price_grid_per_kwh), isNumber: true },
    {
      title: "Unattributed",
      cell: (line) => part(line.energy_unattributed_wh, line.price_grid_per_kwh),
      isNumber: true,
      isWideOnly: true,
    },
    { title: "Cost", cell: (line) => money(line.cost, currency), isNumber: true },
  ];
}
