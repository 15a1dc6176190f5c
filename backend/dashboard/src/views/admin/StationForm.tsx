// Registers a station, or changes its entry: also the site at which it stands.
import { type InputHTMLAttributes, type ReactNode, useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import { useSites, useStationsChanged } from "../../api/queries";
import type { Evse } from "../../api/types";
import { useApi } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { CheckField, FieldRow, Fields, SelectField, TextField } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import { ConnectorFields } from "./ConnectorFields";
import styles from "./Editors.module.css";
import { draftOfStation, newStationOf, type StationDraft, stationChangesOf } from "./stationDraft";

interface Props {
  evse: Evse | null;
  /** Offered for a new one: the site that the list is of. */
  siteId: string;
  onClose: () => void;
}

export function StationForm({ evse, siteId, onClose }: Props) {
  const save = useSave(evse);
  const { data: sites } = useSites();
  const only = sites?.length === 1 ? String(sites[0]?.id) : "";
  const [draft, setDraft] = useState(() => draftOfStation(evse, siteId || only));
  const [problem, setProblem] = useState<Problem | null>(null);
  const isMoved = evse !== null && draft.site_id !== String(evse.site_id);
  const field = (
    name: "evse_uid" | "name" | "dialect" | "base_topic" | "max_power_kw" | "credentials_ref",
    label: string,
    more: InputHTMLAttributes<HTMLInputElement> & { hint?: ReactNode } = {},
  ) => (
    <TextField
      label={label}
      maxLength={255}
      autoComplete="off"
      spellCheck={false}
      {...more}
      value={draft[name]}
      onChange={(event) => setDraft({ ...draft, [name]: event.target.value })}
      error={problem?.of(name === "max_power_kw" ? "max_power_w" : name)}
    />
  );
  return (
    <FormDialog
      title={evse === null ? "Add a station" : `Change ${evse.evse_uid}`}
      action={evse === null ? "Add station" : "Save"}
      isWide
      onSubmit={() => save(draft)}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        <FieldRow>
          {evse === null &&
            field("evse_uid", "Station ID", {
              required: true,
              maxLength: 64,
              pattern: "[A-Za-z0-9._:@\\-]+",
              hint: "As in its topic evse/…/telemetry: letters, digits and . _ : @ -, at most 64. It stays.",
            })}
          {field("name", "Name (optional)", {
            spellCheck: true,
            hint: "For people, such as “Car park, left”.",
          })}
          <SelectField
            label="Site"
            required
            value={draft.site_id}
            onChange={(event) => setDraft({ ...draft, site_id: event.target.value })}
            error={problem?.of("site_id")}
          >
            <option value="">Choose a site</option>
            {evse !== null && !sites?.some((site) => site.id === evse.site_id) && (
              <option value={evse.site_id}>Site {evse.site_id}</option>
            )}
            {sites?.map((site) => (
              <option key={site.id} value={site.id}>
                {site.name}
              </option>
            ))}
          </SelectField>
        </FieldRow>
        {isMoved && (
          <p className={styles["warning"]} role="status">
            Sessions that start from now on belong to the new site and have its prices. Those before stay with
            the old one.
          </p>
        )}
        <FieldRow>
          {field("max_power_kw", "Highest power, kW (optional)", {
            type: "number",
            min: 0.001,
            max: 10000,
            step: 0.001,
            hint: "Readings beyond it are not billed. What the station says itself replaces it.",
          })}
          {field("dialect", "Dialect", {
            required: true,
            maxLength: 32,
            pattern: "[a-z0-9][a-z0-9_\\-]*",
            hint: "How it speaks: native, openevse, goe, smartevse, warp, everest, evcc, …",
          })}
          {draft.dialect.trim() !== "native" &&
            field("base_topic", "Base topic (optional)", {
              maxLength: 200,
              placeholder: "home/wallbox",
              hint: "Where it publishes, if it is not the topic it had from the factory.",
            })}
          {field("credentials_ref", "Credentials reference (optional)", {
            hint: "What it proves its identity with, such as a fingerprint. Never a secret.",
          })}
        </FieldRow>
        <ConnectorFields
          connectors={draft.connectors}
          error={problem?.of("connectors")}
          onChange={(connectors) => setDraft({ ...draft, connectors })}
        />
        <CheckField
          label="Enabled"
          hint="What a disabled station sends is rejected, and kept as rejected."
          checked={draft.is_enabled}
          onChange={(event) => setDraft({ ...draft, is_enabled: event.target.checked })}
        />
      </Fields>
    </FormDialog>
  );
}

function useSave(evse: Evse | null) {
  const api = useApi();
  const tellChanged = useStationsChanged();
  const announce = useAnnounce();
  return async (draft: StationDraft) => {
    if (evse === null) await dataOf(api.POST("/api/v1/evses", { body: newStationOf(draft) }));
    else {
      const body = stationChangesOf(evse, draft);
      if (Object.keys(body).length === 0) return;
      const path = { evse_uid: evse.evse_uid };
      await dataOf(api.PATCH("/api/v1/evses/{evse_uid}", { params: { path }, body }));
    }
    announce.done(
      `${draft.evse_uid.trim()} is ${evse === null ? "registered" : "changed"}. It counts within 5 seconds.`,
    );
    await tellChanged();
  };
}
