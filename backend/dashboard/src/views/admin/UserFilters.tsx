// Which users are shown, and in what order: kept in the address.
import { SelectField } from "../../ui/Field";
import { Toolbar } from "../../ui/Page";
import { SearchField } from "../../ui/SearchField";
import { useSearch } from "../../ui/useSearch";
import { useRoles } from "./useRoles";

type Sort = "id" | "-id" | "username" | "-username";

/** What the address says. */
export function filtersOf(search: URLSearchParams) {
  const sort = search.get("sort");
  return {
    q: search.get("q") ?? "",
    role: search.get("role") ?? "",
    active: search.get("active") ?? "",
    sort: (sort === "-username" || sort === "id" || sort === "-id"
      ? sort
      : "username") satisfies Sort as Sort,
  };
}

export function UserFilters() {
  const [search, change] = useSearch();
  const { q, role, active } = filtersOf(search);
  const { data: roles } = useRoles();
  return (
    <Toolbar label="Filters">
      <SearchField
        label="Search"
        placeholder="Name or mail"
        value={q}
        onSearch={(next) => change({ q: next })}
      />
      {roles !== undefined && (
        <SelectField label="Role" value={role} onChange={(event) => change({ role: event.target.value })}>
          <option value="">All roles</option>
          {roles.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </SelectField>
      )}
      <SelectField label="State" value={active} onChange={(event) => change({ active: event.target.value })}>
        <option value="">Active or not</option>
        <option value="yes">Active</option>
        <option value="no">Inactive</option>
      </SelectField>
    </Toolbar>
  );
}
