// What the editor of a tariff holds, and what is asked of the API with it. Pure.
import type { components } from "../../api/schema";
import type { Tariff } from "../../api/types";
import { instantOf } from "../../format/time";
import { type BasePrices, isPercent, isPrice, type Prices } from "./PriceFields";
import type { Day } from "./weekOfTariff";

type PricesAsked = Omit<components["schemas"]["PreviewAsked"], "session_id">;

export interface ElementDraft extends Prices {
  /** Of the row. */
  key: number;
  day_of_week: readonly Day[];
  start_time: string;
  end_time: string;
}

export interface TariffDraft extends BasePrices {
  /** A local time of the site; empty: as soon as can be. */
  valid_from: string;
  elements: readonly ElementDraft[];
}

/** As somebody would type it: `5.0000` is `5.00`, `5.1250` is `5.125`. */
function priceTyped(price: string): string {
  return price.replace(/(\.\d\d\d*?)0+$/, "$1");
}

/** Begins with the prices that hold now: usually only some of them change. */
export function draftOfTariff(present: Tariff | undefined): TariffDraft {
  return {
    valid_from: "",
    price_solar_per_kwh: priceTyped(present?.price_solar_per_kwh ?? ""),
    price_grid_per_kwh: priceTyped(present?.price_grid_per_kwh ?? ""),
    vat_percent: present?.vat_percent ?? "0",
    elements: (present?.elements ?? []).map((element, key) => ({
      ...element,
      key,
      price_solar_per_kwh: priceTyped(element.price_solar_per_kwh),
      price_grid_per_kwh: priceTyped(element.price_grid_per_kwh),
      day_of_week: element.day_of_week as Day[],
      // A time input knows no 24:00; an end of 00:00 is the same instant.
      end_time: element.end_time === "24:00" ? "00:00" : element.end_time,
    })),
  };
}

export function withElement(draft: TariffDraft): TariffDraft {
  const { price_solar_per_kwh, price_grid_per_kwh, elements } = draft;
  const key = Math.max(-1, ...elements.map((each) => each.key)) + 1;
  const added = { key, day_of_week: [], start_time: "17:00", end_time: "21:00" };
  return { ...draft, elements: [...elements, { ...added, price_solar_per_kwh, price_grid_per_kwh }] };
}

/** The element at a place and the one before it change places: the first that holds counts. */
export function movedUp(elements: readonly ElementDraft[], at: number): readonly ElementDraft[] {
  const [before, moved] = [elements[at - 1], elements[at]];
  if (before === undefined || moved === undefined) return elements;
  return [...elements.slice(0, at - 1), moved, before, ...elements.slice(at + 1)];
}

export function isComplete(draft: TariffDraft): boolean {
  const arePrices = (prices: Prices) =>
    isPrice(prices.price_solar_per_kwh) && isPrice(prices.price_grid_per_kwh);
  return (
    arePrices(draft) &&
    isPercent(draft.vat_percent) &&
    draft.elements.every((each) => arePrices(each) && isQuarter(each.start_time) && isQuarter(each.end_time))
  );
}

function isQuarter(time: string): boolean {
  return /^\d\d:(00|15|30|45)$/.test(time);
}

/** The prices as they are typed: decimal text. */
export function pricesAsked(draft: TariffDraft): PricesAsked {
  const { price_solar_per_kwh, price_grid_per_kwh, vat_percent, elements } = draft;
  return {
    price_solar_per_kwh,
    price_grid_per_kwh,
    vat_percent,
    elements: elements.map(({ key: _key, day_of_week, ...element }) => ({
      ...element,
      day_of_week: [...day_of_week],
    })),
  };
}

export function validFromOf(draft: TariffDraft, zone: string): string | null {
  return draft.valid_from === "" ? null : instantOf(draft.valid_from, zone).toISOString();
}
