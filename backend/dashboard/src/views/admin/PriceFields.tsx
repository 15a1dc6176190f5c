// Prices are typed as decimal text, and sent as it: they are never a float.
import type { Problem } from "../../api/problem";
import { FieldRow, TextField } from "../../ui/Field";

const PRICE = "[0-9]{1,8}([.][0-9]{1,4})?";
const PERCENT = "100([.]00?)?|[0-9]{1,2}([.][0-9]{1,2})?";

export interface Prices {
  price_solar_per_kwh: string;
  price_grid_per_kwh: string;
}

export interface BasePrices extends Prices {
  vat_percent: string;
}

interface Props<T extends Prices> {
  draft: T;
  currency: string;
  problem: Problem | null;
  onChange: (draft: T) => void;
}

export function isPrice(text: string): boolean {
  return new RegExp(`^(${PRICE})$`).test(text);
}

export function isPercent(text: string): boolean {
  return new RegExp(`^(${PERCENT})$`).test(text);
}

/** The two prices of a kWh, by source. `prefix`: where they are in the request. */
export function PricePair<T extends Prices>({
  draft,
  currency,
  problem,
  onChange,
  prefix = "",
}: Props<T> & { prefix?: string }) {
  const field = (name: keyof Prices, label: string) => (
    <TextField
      label={`${label}, ${currency}/kWh`}
      inputMode="decimal"
      required
      pattern={PRICE}
      maxLength={13}
      autoComplete="off"
      value={draft[name]}
      onChange={(event) => onChange({ ...draft, [name]: event.target.value.trim() })}
      error={
        draft[name] !== "" && !isPrice(draft[name])
          ? "Digits and a point, with at most 4 decimals: 12.50"
          : problem?.of(prefix + name)
      }
    />
  );
  return (
    <>
      {field("price_solar_per_kwh", "Solar")}
      {field("price_grid_per_kwh", "Grid")}
    </>
  );
}

export function BasePriceFields<T extends BasePrices>(props: Props<T>) {
  const { draft, problem, onChange } = props;
  const isWrong = draft.vat_percent !== "" && !isPercent(draft.vat_percent);
  return (
    <FieldRow>
      <PricePair {...props} />
      <TextField
        label="VAT, %"
        inputMode="decimal"
        required
        pattern={PERCENT}
        maxLength={6}
        autoComplete="off"
        value={draft.vat_percent}
        onChange={(event) => onChange({ ...draft, vat_percent: event.target.value.trim() })}
        error={isWrong ? "0 to 100, with at most 2 decimals" : problem?.of("vat_percent")}
      />
    </FieldRow>
  );
}
