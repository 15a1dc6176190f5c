// Alerts: what needs somebody now, and what did.
import { ownZone, useSites, useZoneOf } from "../../api/queries";
import type { AlertKind, AlertSeverity } from "../../api/types";
import { ALERT_KINDS, ALERT_SEVERITIES } from "../../format/words";
import type { ViewProps } from "../../routes";
import { Page } from "../../ui/Page";
import { useDayRange } from "../../ui/RangeFilter";
import { Choice } from "../../ui/Tabs";
import { useSearch } from "../../ui/useSearch";
import { AlertFilters } from "./AlertFilters";
import { AlertHistory, USUAL_RANGE } from "./AlertHistory";
import { OpenAlerts } from "./OpenAlerts";
import { useAskAgainOnChange } from "./queries";
import type { AlertFilter } from "./unresolved";

export default function Alerts(_: ViewProps) {
  const [search, change] = useSearch();
  const zoneOf = useZoneOf();
  const { data: sites = [] } = useSites();
  useAskAgainOnChange();
  const tab = search.get("tab") === "history" ? "history" : "open";
  const filter = filterIn(search);
  const [first = ownZone(), ...others] = new Set(sites.map((site) => site.timezone));
  const isOfOneZone = filter.siteId !== null || others.length === 0;
  const zone = filter.siteId !== null ? zoneOf(filter.siteId) : isOfOneZone ? first : ownZone();
  const range = useDayRange(zone, USUAL_RANGE);
  return (
    <Page
      title="Alerts"
      actions={
        <Choice
          label="Which alerts"
          choices={[
            ["open", "Open"],
            ["history", "History"],
          ]}
          value={tab}
          onChange={(value) => change({ tab: value === "open" ? null : value })}
        />
      }
    >
      <AlertFilters
        filter={filter}
        range={tab === "history" ? range : null}
        search={search}
        change={change}
      />
      {tab === "open" ? (
        <OpenAlerts filter={filter} />
      ) : (
        <AlertHistory filter={filter} range={range} zone={zone} isOfOneZone={isOfOneZone} />
      )}
    </Page>
  );
}

/** What the address says, as far as it makes sense. */
function filterIn(search: URLSearchParams): AlertFilter {
  const kind = search.get("kind") ?? "";
  const severity = search.get("severity") ?? "";
  return {
    kind: Object.hasOwn(ALERT_KINDS, kind) ? (kind as AlertKind) : null,
    severity: Object.hasOwn(ALERT_SEVERITIES, severity) ? (severity as AlertSeverity) : null,
    siteId: Number(search.get("site")) || null,
  };
}
