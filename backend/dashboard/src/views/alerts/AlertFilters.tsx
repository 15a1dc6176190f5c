// The filters above the alerts: how bad, what, where, and for the history, when.
import { useSites } from "../../api/queries";
import { ALERT_KINDS, ALERT_SEVERITIES } from "../../format/words";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { Toolbar } from "../../ui/Page";
import { RangeFilter } from "../../ui/RangeFilter";
import type { DayRange } from "../../ui/RangeFilterDays";
import type { AlertFilter } from "./unresolved";

interface Props {
  filter: AlertFilter;
  /** null: days make no difference. */
  range: DayRange | null;
  search: URLSearchParams;
  change: (changes: Record<string, string | null>) => void;
}

const NAMES = ["severity", "kind", "site"] as const;

export function AlertFilters({ filter, range, search, change }: Props) {
  const { data: sites = [] } = useSites();
  const isAnySet = NAMES.some((name) => search.has(name));
  return (
    <Toolbar label="Filter the alerts">
      <WordField
        label="Severity"
        all="All severities"
        words={ALERT_SEVERITIES}
        value={filter.severity}
        onChange={(severity) => change({ severity })}
      />
      <WordField
        label="Kind"
        all="All kinds"
        words={ALERT_KINDS}
        value={filter.kind}
        onChange={(kind) => change({ kind })}
      />
      {(sites.length > 1 || filter.siteId !== null) && (
        <WordField
          label="Site"
          all="All sites"
          words={Object.fromEntries(sites.map((site) => [site.id, site.name]))}
          value={filter.siteId}
          onChange={(site) => change({ site })}
        />
      )}
      {range !== null && <RangeFilter range={range} />}
      {isAnySet && (
        <Button kind="quiet" onClick={() => change(Object.fromEntries(NAMES.map((name) => [name, null])))}>
          Clear filters
        </Button>
      )}
    </Toolbar>
  );
}

function WordField({
  label,
  all,
  words,
  value,
  onChange,
}: {
  label: string;
  all: string;
  words: Record<string, string>;
  value: string | number | null;
  onChange: (value: string) => void;
}) {
  return (
    <SelectField label={label} value={value ?? ""} onChange={(event) => onChange(event.target.value)}>
      <option value="">{all}</option>
      {Object.entries(words).map(([name, word]) => (
        <option key={name} value={name}>
          {word}
        </option>
      ))}
    </SelectField>
  );
}
