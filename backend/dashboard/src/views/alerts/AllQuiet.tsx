// No alerts: good news, and since when.
import { useZoneOf } from "../../api/queries";
import { about, exact } from "../../format/time";
import { ALERT_KINDS } from "../../format/words";
import { useNowMs } from "../../live/hooks";
import { Card } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { useLastResolved } from "./queries";

export function AllQuiet() {
  const zoneOf = useZoneOf();
  const nowMs = useNowMs(60_000);
  const { data: last } = useLastResolved();
  return (
    <Card>
      <Empty title="All is well: no open alerts">
        {last === null && <p>There has never been one.</p>}
        {last && last.resolved_at !== null && (
          <p>
            Quiet for {about((nowMs - Date.parse(last.resolved_at)) / 1000)}, since{" "}
            {exact(last.resolved_at, zoneOf(last.site_id))}. The last was “{ALERT_KINDS[last.kind]}” on{" "}
            {last.evse_uid}.
          </p>
        )}
      </Empty>
    </Card>
  );
}
