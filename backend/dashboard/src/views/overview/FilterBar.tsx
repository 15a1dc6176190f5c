// Search, site, order, and the way of showing. `/` leads to the search from anywhere on the page.
import { useEffect, useRef } from "react";
import { useSites } from "../../api/queries";
import { SelectField, TextField } from "../../ui/Field";
import { Toolbar } from "../../ui/Page";
import { Choice } from "../../ui/Tabs";
import { type Filters, MODES, type Mode, ORDERS } from "./address";
import styles from "./Overview.module.css";

interface Props {
  /** As typed. */
  text: string;
  filters: Filters;
  mode: Mode;
  onChange: (changes: Record<string, string | null>) => void;
}

export function FilterBar({ text, filters, mode, onChange }: Props) {
  const { data: sites } = useSites();
  const search = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target))
        return;
      event.preventDefault();
      search.current?.querySelector("input")?.focus();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  return (
    <Toolbar label="Filter stations">
      <div ref={search} className={styles["search"]}>
        <TextField
          label="Search"
          isLabelHidden
          type="search"
          value={text}
          placeholder="Name, uid, vendor or model  ( / )"
          aria-keyshortcuts="/"
          onChange={(event) => onChange({ q: event.target.value })}
        />
      </div>
      {sites !== undefined && sites.length > 1 && (
        <SelectField
          label="Site"
          isLabelHidden
          value={filters.siteId ?? ""}
          onChange={(event) => onChange({ site: event.target.value })}
        >
          <option value="">All sites</option>
          {sites.map((site) => (
            <option key={site.id} value={site.id}>
              {site.name}
            </option>
          ))}
        </SelectField>
      )}
      <SelectField
        label="Order"
        isLabelHidden
        value={filters.order}
        onChange={(event) => onChange({ sort: event.target.value === "state" ? null : event.target.value })}
      >
        {ORDERS.map(([order, title]) => (
          <option key={order} value={order}>
            {title}
          </option>
        ))}
      </SelectField>
      <Choice
        label="Show as"
        choices={MODES}
        value={mode}
        onChange={(next) => onChange({ view: next === "tiles" ? null : next })}
      />
    </Toolbar>
  );
}

/** Whether keys belong to what has the focus. */
function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, select, textarea, dialog") !== null;
}
