// Which stations are listed, as the address says.
import { useSites } from "../../api/queries";
import { SelectField } from "../../ui/Field";
import { Toolbar } from "../../ui/Page";
import { SearchField } from "../../ui/SearchField";
import { useSearch } from "../../ui/useSearch";

export const NO_STATION_FILTERS = { q: null, site: null, online: null, enabled: null };

/** What makes no sense in the address is passed over. */
export function stationFiltersOf(search: URLSearchParams) {
  const q = search.get("q");
  const site = search.get("site") ?? "";
  const online = yesOrNo(search.get("online"));
  const enabled = yesOrNo(search.get("enabled"));
  const filters = {
    ...(q ? { q } : {}),
    ...(/^[1-9]\d{0,8}$/.test(site) ? { site_id: Number(site) } : {}),
    ...(online === null ? {} : { is_online: online }),
    ...(enabled === null ? {} : { is_enabled: enabled }),
  };
  const sort: "evse_uid" | "-evse_uid" = search.get("sort") === "-evse_uid" ? "-evse_uid" : "evse_uid";
  return { query: { ...filters, sort }, isFiltered: Object.keys(filters).length > 0 };
}

function yesOrNo(text: string | null): boolean | null {
  return text === "yes" ? true : text === "no" ? false : null;
}

export function StationFilters() {
  const [search, change] = useSearch();
  const { data: sites } = useSites();
  const choice = (name: string, label: string, choices: readonly (readonly [string | number, string])[]) => (
    <SelectField
      label={label}
      value={search.get(name) ?? ""}
      onChange={(event) => change({ [name]: event.target.value })}
    >
      {choices.map(([value, title]) => (
        <option key={value} value={value}>
          {title}
        </option>
      ))}
    </SelectField>
  );
  return (
    <Toolbar label="Filters">
      <SearchField
        label="Search"
        placeholder="Start of ID or name"
        value={search.get("q") ?? ""}
        onSearch={(q) => change({ q })}
      />
      {sites !== undefined &&
        sites.length > 0 &&
        choice("site", "Site", [["", "All sites"], ...sites.map((site) => [site.id, site.name] as const)])}
      {choice("online", "Connection", [
        ["", "Online or not"],
        ["yes", "Online"],
        ["no", "Offline"],
      ])}
      {choice("enabled", "Use", [
        ["", "Enabled or not"],
        ["yes", "Enabled"],
        ["no", "Disabled"],
      ])}
    </Toolbar>
  );
}
