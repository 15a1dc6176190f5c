// The filter of one station, with those of the register to choose from.
import { useMemo } from "react";
import { useEvses } from "../../api/queries";
import { FilterField } from "./FilterField";

/** More make a list that nobody reads, and that browsers are slow to show. */
const MOST = 500;

export function StationField() {
  const { data } = useEvses();
  const names = useMemo(() => data?.slice(0, MOST).map((evse) => evse.evse_uid) ?? [], [data]);
  return <FilterField name="station" label="Station" suggestions={names} />;
}
