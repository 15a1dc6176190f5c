// Picks a range of days in a zone. It is kept in the address.
import { useEffect, useMemo, useState } from "react";
import { localDay } from "../format/time";
import { useNowMs } from "../live/hooks";
import { SelectField, TextField } from "./Field";
import styles from "./RangeFilter.module.css";
import { type DayRange, dayRangeOf, instantsOf, isDay, PRESETS, type Preset } from "./RangeFilterDays";
import { useSearch } from "./useSearch";

export interface PickedRange extends DayRange {
  /** Instants, in UTC: from this one on … */
  date_from: string;
  /** … up to before this one. The same text until the range is another. */
  date_to: string;
}

/** The range that the address says, in days of `zone`; `usual` where it says none. */
export function useDayRange(zone: string, usual: Preset = "7d"): PickedRange {
  const [search] = useSearch();
  const today = localDay(useNowMs(30_000), zone);
  return useMemo(() => {
    const range = dayRangeOf(search, today, usual);
    return { ...range, ...instantsOf(range, zone) };
  }, [search, today, usual, zone]);
}

export function RangeFilter({ range, label = "Range" }: { range: DayRange; label?: string }) {
  const [, change] = useSearch();
  const choose = (preset: string) =>
    change(
      preset === "custom"
        ? { range: preset, from: range.first, to: range.last }
        : { range: preset, from: null, to: null },
    );
  return (
    <div className={styles["range"]}>
      <SelectField label={label} value={range.preset} onChange={(event) => choose(event.target.value)}>
        {PRESETS.map(([preset, title]) => (
          <option key={preset} value={preset}>
            {title}
          </option>
        ))}
      </SelectField>
      {range.preset === "custom" && (
        <>
          <DayField
            label="First day"
            day={range.first}
            onPick={(day) => change({ from: day, to: range.last })}
          />
          <DayField
            label="Last day"
            day={range.last}
            onPick={(day) => change({ from: range.first, to: day })}
          />
        </>
      )}
    </div>
  );
}

/** A day is taken when it is whole: an input tells of every digit that is typed. */
export function DayField({
  label,
  day,
  onPick,
}: {
  label: string;
  day: string;
  onPick: (day: string) => void;
}) {
  const [draft, setDraft] = useState(day);
  useEffect(() => setDraft(day), [day]);
  return (
    <TextField
      label={label}
      type="date"
      min="2000-01-01"
      value={draft}
      onChange={(event) => {
        setDraft(event.target.value);
        if (isDay(event.target.value)) onPick(event.target.value);
      }}
      onBlur={() => setDraft(day)}
    />
  );
}
