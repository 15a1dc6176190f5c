// The filters: which periods, how many, until when, of which site and station.
import { useEvses, useSites } from "../../api/queries";
import { Button } from "../../ui/Button";
import { SelectField } from "../../ui/Field";
import { Toolbar } from "../../ui/Page";
import { DayField } from "../../ui/RangeFilter";
import { daysAfter } from "../../ui/RangeFilterDays";
import { Choice } from "../../ui/Tabs";
import type { Chosen } from "./choice";
import styles from "./EnergyAndMoney.module.css";
import { COUNTS, endsToday, untilAfter, untilBefore } from "./range";
import { PERIOD_WORDS, periodCount } from "./words";

const PERIODS = (["day", "week", "month"] as const).map((each) => [each, PERIOD_WORDS[each]] as const);

export function RangeBar({ chosen }: { chosen: Chosen }) {
  const { range, today, change } = chosen;
  const isAtEnd = endsToday(range, today);
  const lengths = [...COUNTS[range.period]].sort((a, b) => a - b);
  return (
    <Toolbar label="What is shown">
      <Choice
        label="By"
        choices={PERIODS}
        value={range.period}
        onChange={(period) => change({ period: period === "day" ? null : period, count: null })}
      />
      <SelectField
        label="Range"
        value={range.count}
        onChange={(event) => change({ count: event.target.value })}
      >
        {lengths.map((count) => (
          <option key={count} value={count}>
            {periodCount(count, range.period)}
          </option>
        ))}
      </SelectField>
      <DayField
        label="Until"
        day={daysAfter(range.date_to, -1)}
        onPick={(day) => change({ until: day < today ? day : null })}
      />
      <div className={styles["step"]}>
        <Button onClick={() => change({ until: untilBefore(range) })}>◀ Earlier</Button>
        <Button onClick={() => change({ until: untilAfter(range, today) })} disabled={isAtEnd}>
          Later ▶
        </Button>
      </div>
      <Places chosen={chosen} />
    </Toolbar>
  );
}

function Places({ chosen }: { chosen: Chosen }) {
  const { siteId, evseUid, change } = chosen;
  const { data: sites = [] } = useSites();
  const { data: evses = [] } = useEvses();
  const stations = evses.filter((evse) => siteId === null || evse.site_id === siteId);
  return (
    <>
      {(sites.length > 1 || siteId !== null) && (
        <div className={styles["site"]}>
          <SelectField
            label="Site"
            value={siteId ?? ""}
            onChange={(event) => change({ site: event.target.value, station: null })}
          >
            <option value="">All sites</option>
            {siteId !== null && !sites.some((site) => site.id === siteId) && (
              <option value={siteId}>Site {siteId}</option>
            )}
            {sites.map((site) => (
              <option key={site.id} value={site.id}>
                {site.name}
              </option>
            ))}
          </SelectField>
        </div>
      )}
      {(stations.length > 0 || evseUid !== null) && (
        <div className={styles["site"]}>
          <SelectField
            label="Station"
            value={evseUid ?? ""}
            onChange={(event) => change({ station: event.target.value })}
          >
            <option value="">All stations</option>
            {evseUid !== null && !stations.some((evse) => evse.evse_uid === evseUid) && (
              <option value={evseUid}>{evseUid}</option>
            )}
            {stations.map((evse) => (
              <option key={evse.evse_uid} value={evse.evse_uid}>
                {evse.name === null ? evse.evse_uid : `${evse.name} (${evse.evse_uid})`}
              </option>
            ))}
          </SelectField>
        </div>
      )}
    </>
  );
}
