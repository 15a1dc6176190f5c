// A new version of a site's prices, with its week and what a past session would have cost.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { Tariff } from "../../api/types";
import { exact } from "../../format/time";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { FormDialog } from "../../ui/Dialog";
import { Fields, TextField } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Editors.module.css";
import { ElementFields } from "./ElementFields";
import { BasePriceFields } from "./PriceFields";
import { TariffPreview } from "./TariffPreview";
import { TariffWeek } from "./TariffWeek";
import {
  draftOfTariff,
  movedUp,
  pricesAsked,
  type TariffDraft,
  validFromOf,
  withElement,
} from "./tariffDraft";

/** As many as the API takes. */
const MOST_ELEMENTS = 50;

interface Props {
  place: { site_id: number; name: string; zone: string; currency: string };
  present: Tariff | undefined;
  onClose: () => void;
}

export function TariffEditor({ place, present, onClose }: Props) {
  const { zone, currency } = place;
  const save = useSave(place);
  const mayPreview = useMay()("session:read");
  const [draft, setDraft] = useState(() => draftOfTariff(present));
  const [problem, setProblem] = useState<Problem | null>(null);
  const { elements } = draft;
  const validFrom = validFromOf(draft, zone);
  return (
    <FormDialog
      title={`New tariff for ${place.name}`}
      action="Set tariff"
      isWide
      onSubmit={() => save(draft)}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        <TextField
          label={`In force from, in ${zone}`}
          type="datetime-local"
          value={draft.valid_from}
          onChange={(event) => setDraft({ ...draft, valid_from: event.target.value })}
          hint={
            validFrom === null
              ? "Empty: in two minutes. Sessions that start from then on have these prices."
              : `${exact(validFrom, zone)}. Sessions that start from then on have these prices.`
          }
          error={problem?.of("valid_from")}
        />
        <fieldset className={styles["group"]}>
          <legend>Base prices, without VAT</legend>
          <BasePriceFields draft={draft} currency={currency} problem={problem} onChange={setDraft} />
          <p className={styles["hint"]}>
            Energy that cannot be attributed to solar or grid costs the grid price.
          </p>
        </fieldset>
        {elements.map((element, at) => (
          <ElementFields
            key={element.key}
            element={element}
            index={at}
            currency={currency}
            problem={problem}
            onChange={(next) =>
              setDraft({
                ...draft,
                elements: elements.map((each) => (each.key === element.key ? next : each)),
              })
            }
            onMoveUp={() => setDraft({ ...draft, elements: movedUp(elements, at) })}
            onRemove={() =>
              setDraft({ ...draft, elements: elements.filter((each) => each.key !== element.key) })
            }
          />
        ))}
        <div className={styles["links"]}>
          <Button
            isSmall
            disabled={elements.length >= MOST_ELEMENTS}
            onClick={() => setDraft(withElement(draft))}
          >
            Add a time of day
          </Button>
          <span className={styles["hint"]}>
            Other prices at some hours. The first that holds counts, else the base prices do.
          </span>
        </div>
        {elements.length > 0 && <TariffWeek elements={elements} />}
        {mayPreview && <TariffPreview draft={draft} siteId={place.site_id} zone={zone} />}
      </Fields>
    </FormDialog>
  );
}

function useSave({ site_id, name, zone, currency }: Props["place"]) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  return async (draft: TariffDraft) => {
    const body = { ...pricesAsked(draft), site_id, currency, valid_from: validFromOf(draft, zone) };
    const made = await dataOf(api.POST("/api/v1/tariffs", { body }));
    announce.done(`${name} has these prices from ${exact(made.valid_from, zone)}.`);
    await queries.invalidateQueries({ queryKey: ["tariffs"] });
  };
}
