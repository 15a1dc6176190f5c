// Which time is shown: ranges that go on with the clock, and any other from – to.
import { useState } from "react";
import { serverNowMs } from "../../clock";
import { instantOf, localTime, zoneName } from "../../format/time";
import { Button } from "../../ui/Button";
import { TextField } from "../../ui/Field";
import { Choice } from "../../ui/Tabs";
import styles from "./Chart.module.css";
import { isPossible, moved, PRESETS, type Preset, type Range, scaled } from "./range";

interface Bounds {
  from_ms: number;
  to_ms: number;
}

const CHOICES = PRESETS.map(([name, title]) => [name, title] as const);

export function RangeBar({
  range,
  bounds,
  zone,
  onShow,
  onChange,
}: {
  range: Range;
  bounds: Bounds;
  zone: string;
  onShow: (from_ms: number, to_ms: number) => void;
  onChange: (changes: Record<string, string | null>) => void;
}) {
  const toLive = (preset: Preset) => onChange({ range: preset, from: null, to: null });
  const step = (next: Bounds) => onShow(next.from_ms, next.to_ms);
  const nowMs = serverNowMs();
  return (
    <div className={styles["bar"]}>
      <Choice<Preset | "">
        label="Time to show"
        choices={CHOICES}
        value={range.kind === "live" ? range.preset : ""}
        onChange={(preset) => preset !== "" && toLive(preset)}
      />
      <fieldset className={styles["steps"]}>
        <legend className="visually-hidden">Move in time</legend>
        <Button isSmall onClick={() => step(moved(bounds, -0.5, nowMs))}>
          ‹ Earlier
        </Button>
        <Button
          isSmall
          disabled={range.kind === "live" || range.to_ms >= nowMs - 1000}
          onClick={() => step(moved(bounds, 0.5, nowMs))}
        >
          Later ›
        </Button>
        <Button isSmall onClick={() => step(scaled(bounds, 0.5, nowMs))}>
          Zoom in
        </Button>
        <Button isSmall onClick={() => step(scaled(bounds, 2, nowMs))}>
          Zoom out
        </Button>
        {range.kind === "live" ? (
          <Button isSmall onClick={() => step(bounds)}>
            From – to…
          </Button>
        ) : (
          <Button isSmall kind="primary" onClick={() => toLive(range.preset)}>
            Back to live
          </Button>
        )}
      </fieldset>
      {range.kind === "fixed" && (
        // Anew for each range: what is typed begins with what is shown.
        <FromTo key={`${range.from_ms} ${range.to_ms}`} bounds={bounds} zone={zone} onShow={onShow} />
      )}
    </div>
  );
}

/** Zones are ahead of UTC by whole minutes: the seconds are the same everywhere. */
function localSecond(at_ms: number, zone: string): string {
  return `${localTime(at_ms, zone)}:${new Date(at_ms).toISOString().slice(17, 19)}`;
}

function FromTo({
  bounds,
  zone,
  onShow,
}: {
  bounds: Bounds;
  zone: string;
  onShow: (from_ms: number, to_ms: number) => void;
}) {
  const [from, setFrom] = useState(localSecond(bounds.from_ms, zone));
  const [to, setTo] = useState(localSecond(bounds.to_ms, zone));
  const [error, setError] = useState<string | null>(null);
  return (
    <form
      className={styles["fromTo"]}
      onSubmit={(event) => {
        event.preventDefault();
        const from_ms = from === "" ? Number.NaN : instantOf(from, zone).getTime();
        const to_ms = to === "" ? Number.NaN : instantOf(to, zone).getTime();
        if (isPossible(from_ms, to_ms)) onShow(from_ms, to_ms);
        else setError("The end must come after the beginning, at most 3 years later.");
      }}
    >
      <TextField
        label={`From (${zoneName(zone, bounds.from_ms)})`}
        type="datetime-local"
        step={1}
        required
        value={from}
        onChange={(event) => setFrom(event.target.value)}
      />
      <TextField
        label={`To (${zoneName(zone, bounds.to_ms)})`}
        type="datetime-local"
        step={1}
        required
        value={to}
        error={error}
        onChange={(event) => setTo(event.target.value)}
      />
      <Button type="submit">Show</Button>
    </form>
  );
}
