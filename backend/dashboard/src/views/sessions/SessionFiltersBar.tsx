// The filters of the sessions. All of them live in the address.
import { useState } from "react";
import { useSites } from "../../api/queries";
import { useMay } from "../../services";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { Toolbar } from "../../ui/Page";
import { RangeFilter } from "../../ui/RangeFilter";
import type { DayRange } from "../../ui/RangeFilterDays";
import { useSearch } from "../../ui/useSearch";
import { FilterField } from "./FilterField";
import { SORTS } from "./filters";
import styles from "./Sessions.module.css";
import { StationField } from "./StationField";
import { UserField } from "./UserField";

const RARE = ["token", "user", "min_kwh", "sort"];

export function SessionFiltersBar({ range }: { range: DayRange }) {
  const [search, change] = useSearch();
  const { data: sites = [] } = useSites();
  const [isWhole, setWhole] = useState(() => RARE.some((name) => search.has(name)));
  const choice = (name: string) => ({
    value: search.get(name) ?? "",
    onChange: (event: { target: { value: string } }) => change({ [name]: event.target.value }),
  });
  return (
    <Toolbar label="Filters of the sessions">
      <RangeFilter range={range} />
      {sites.length > 1 && (
        <SelectField label="Site" {...choice("site")}>
          <option value="">All sites</option>
          {sites.map((site) => (
            <option key={site.id} value={site.id}>
              {site.name}
            </option>
          ))}
        </SelectField>
      )}
      <SelectField label="State" {...choice("status")}>
        <option value="">All</option>
        <option value="ACTIVE">Running</option>
        <option value="COMPLETED">Ended</option>
      </SelectField>
      <div className={styles["narrow"]}>
        <StationField />
      </div>
      {isWhole && <RareFilters />}
      <Button kind="quiet" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
        {isWhole ? "Fewer filters" : "More filters"}
      </Button>
    </Toolbar>
  );
}

function RareFilters() {
  const [search, change] = useSearch();
  const may = useMay();
  return (
    <>
      <div className={styles["narrow"]}>
        <FilterField name="token" label="Driver's token" />
      </div>
      {may("user:read") && (
        <div className={styles["narrow"]}>
          <UserField />
        </div>
      )}
      <div className={styles["narrow"]}>
        <FilterField
          name="min_kwh"
          label="At least (kWh)"
          type="number"
          min="0"
          step="any"
          inputMode="decimal"
        />
      </div>
      <SelectField
        label="Order"
        value={search.get("sort") ?? ""}
        onChange={(event) => change({ sort: event.target.value })}
      >
        {SORTS.map(([sort, title], index) => (
          <option key={sort} value={index === 0 ? "" : sort}>
            {title}
          </option>
        ))}
      </SelectField>
    </>
  );
}
