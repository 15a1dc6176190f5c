// Adds a site with its first prices, or changes what is said of one.
import { useQueryClient } from "@tanstack/react-query";
import { type InputHTMLAttributes, memo, type ReactNode, useId, useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { ownZone } from "../../api/queries";
import type { Site } from "../../api/types";
import { useApi } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { FieldRow, Fields, TextField } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Editors.module.css";
import { BasePriceFields } from "./PriceFields";
import { draftOfSite, newSiteOf, type SiteField, siteChangesOf } from "./siteDraft";

const ZONES = Intl.supportedValuesOf("timeZone");
const CURRENCIES = Intl.supportedValuesOf("currency");

export function SiteForm({ site, onClose }: { site: Site | null; onClose: () => void }) {
  const save = useSave(site);
  const lists = useId();
  const [draft, setDraft] = useState(() => draftOfSite(site, ownZone()));
  const [problem, setProblem] = useState<Problem | null>(null);
  const isZoneChanged = site !== null && draft.timezone !== site.timezone;
  const field = (
    name: SiteField,
    label: string,
    more: InputHTMLAttributes<HTMLInputElement> & { hint?: ReactNode } = {},
  ) => (
    <TextField
      label={label}
      maxLength={255}
      autoComplete="off"
      {...more}
      value={draft[name]}
      onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
      error={problem?.of(name)}
    />
  );
  return (
    <FormDialog
      title={site === null ? "Add a site" : `Change ${site.name}`}
      action={site === null ? "Add site" : "Save"}
      isWide
      onSubmit={() => save(draft)}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        {field("name", "Name", { required: true })}
        <FieldRow>
          {field("timezone", "Time zone", {
            required: true,
            list: `${lists}z`,
            spellCheck: false,
            hint: "Such as America/Jamaica. Days and months of statistics begin at its midnight.",
          })}
          {site === null
            ? field("currency", "Currency", {
                required: true,
                list: `${lists}c`,
                pattern: "[A-Z]{3}",
                maxLength: 3,
                hint: "Three capitals, such as JMD. It stays: a site's tariffs and bills are in it.",
              })
            : field("currency", "Currency", {
                readOnly: true,
                hint: "It stays, because tariffs and bills are in it. For another one add a site.",
              })}
        </FieldRow>
        {isZoneChanged && (
          <p className={styles["warning"]} role="status">
            Statistics go by the new zone's days. Tariffs that exist keep the clocks of {site.timezone} for
            their times of day: make a new tariff if those should move too. Bills stay as they are.
          </p>
        )}
        {site === null && (
          <fieldset className={styles["group"]}>
            <legend>First prices, without VAT</legend>
            <BasePriceFields
              draft={draft}
              currency={draft.currency || "currency"}
              problem={problem}
              onChange={setDraft}
            />
            <p className={styles["hint"]}>They hold until a tariff changes them.</p>
          </fieldset>
        )}
        <fieldset className={styles["group"]}>
          <legend>Where it is (optional)</legend>
          {field("address", "Address")}
          <FieldRow>
            {field("postal_code", "Postal code")}
            {field("city", "City")}
            {field("country", "Country", {
              pattern: "[A-Z]{3}",
              maxLength: 3,
              hint: "Three capitals, such as JAM.",
            })}
          </FieldRow>
          <FieldRow>
            {field("latitude_deg", "Latitude, °", { type: "number", step: "any", min: -90, max: 90 })}
            {field("longitude_deg", "Longitude, °", { type: "number", step: "any", min: -180, max: 180 })}
          </FieldRow>
        </fieldset>
        <fieldset className={styles["group"]}>
          <legend>Who issues the bills (optional)</legend>
          <FieldRow>
            {field("operator_name", "Operator")}
            {field("operator_tax_id", "Tax ID")}
          </FieldRow>
        </fieldset>
      </Fields>
      <Options id={`${lists}z`} values={ZONES} />
      <Options id={`${lists}c`} values={CURRENCIES} />
    </FormDialog>
  );
}

/** Hundreds of them: not drawn again with every letter that is typed. */
const Options = memo(function Options({ id, values }: { id: string; values: readonly string[] }) {
  return (
    <datalist id={id}>
      {values.map((value) => (
        <option key={value} value={value} />
      ))}
    </datalist>
  );
});

function useSave(site: Site | null) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  return async (draft: ReturnType<typeof draftOfSite>) => {
    if (site === null) await dataOf(api.POST("/api/v1/sites", { body: newSiteOf(draft) }));
    else {
      const body = siteChangesOf(site, draft);
      if (Object.keys(body).length === 0) return;
      await dataOf(api.PATCH("/api/v1/sites/{site_id}", { params: { path: { site_id: site.id } }, body }));
    }
    announce.done(`${draft.name.trim()} is ${site === null ? "a site now" : "changed"}.`);
    await queries.invalidateQueries({ queryKey: ["sites"] });
    if (site === null) await queries.invalidateQueries({ queryKey: ["tariffs"] });
  };
}
