// What the register says of a station.
import { power, UNKNOWN } from "../../format/number";
import { inWords } from "../../format/words";
import { Card, Facts } from "../../ui/Page";
import { SiteName } from "../../ui/Time";
import type { StationNow } from "./useStation";

export function FactsCard({ station, connector_id }: { station: StationNow; connector_id: number }) {
  const connector = station.connectors.find((each) => each.connector_id === connector_id);
  const plug = [connector?.standard, connector?.format, connector?.power_type].filter((each) => each);
  return (
    <Card title="Station">
      <Facts
        facts={[
          ["Uid", <code key="uid">{station.evse_uid}</code>],
          ["Site", <SiteName key="site" siteId={station.site_id} />],
          ["Vendor", station.vendor ?? UNKNOWN],
          ["Model", station.model ?? UNKNOWN],
          ["Firmware", station.firmware ?? UNKNOWN],
          ["Most power", power(station.max_power_w)],
          [`Connector ${connector_id}`, plug.length === 0 ? UNKNOWN : plug.map(inWords).join(", ")],
          [
            "Speaks",
            station.base_topic === null ? station.dialect : `${station.dialect} on ${station.base_topic}`,
          ],
        ]}
      />
    </Card>
  );
}
