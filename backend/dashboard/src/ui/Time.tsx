// Instants on the page: in a site's zone, with the exact one in the tooltip.
import { useSiteOf } from "../api/queries";
import { ago, dayTime, exact, zoneName } from "../format/time";
import { useNowMs } from "../live/hooks";

/** Day and time in a zone. Tables name the zone in the column's head; elsewhere set `withZone`. */
export function Time({
  at,
  zone,
  withZone = false,
}: {
  at: string | null | undefined;
  zone: string;
  withZone?: boolean;
}) {
  if (at === null || at === undefined) return <>–</>;
  return (
    <time dateTime={at} title={exact(at, zone)} className="tabular">
      {withZone ? exact(at, zone) : dayTime(at, zone)}
    </time>
  );
}

/** How long ago, kept current. */
export function Ago({ at, zone }: { at: string | null | undefined; zone: string }) {
  const nowMs = useNowMs();
  if (at === null || at === undefined) return <>never</>;
  return (
    <time dateTime={at} title={exact(at, zone)} className="tabular">
      {ago(at, nowMs)}
    </time>
  );
}

/** A zone's name as a remark: `times in America/Jamaica (GMT-5)`. */
export function ZoneNote({ zone }: { zone: string }) {
  return (
    <span title={zone}>
      times in {zone} ({zoneName(zone)})
    </span>
  );
}

/** Where the sites are in several zones: each row is told in its own, and the days that are asked for in one. */
export function ZonesNote({ days }: { days: string }) {
  return (
    <span>
      times in each site's zone; days of the range in {days} ({zoneName(days)})
    </span>
  );
}

/** A site's name; its number where the name may not be seen. */
export function SiteName({ siteId }: { siteId: number }) {
  const siteOf = useSiteOf();
  return <>{siteOf(siteId)?.name ?? `Site ${siteId}`}</>;
}
