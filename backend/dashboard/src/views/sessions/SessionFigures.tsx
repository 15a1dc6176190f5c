// The figures of one session that count most. They go on while it runs.
import type { Session } from "../../api/types";
import { money } from "../../format/money";
import { energy, power, share } from "../../format/number";
import { about } from "../../format/time";
import { Figure, Figures } from "../../ui/Page";
import { Duration, PowerNow } from "./SessionCells";
import { useTariff } from "./useSession";
import { inclVat } from "./vat";

export function SessionFigures({ session }: { session: Session }) {
  const isRunning = session.status === "ACTIVE";
  const solarShare = session.energy_wh > 0 ? session.energy_solar_wh / session.energy_wh : null;
  const withVat = useWithVat(session);
  return (
    <Figures>
      {isRunning && <Figure label="Power now" value={<PowerNow session={session} />} />}
      <Figure
        label="Energy"
        value={energy(session.energy_wh)}
        note={solarShare === null ? null : `${share(solarShare)} solar`}
      />
      <Figure
        label={isRunning ? "Cost so far, without VAT" : "Cost without VAT"}
        value={money(session.cost, session.currency)}
        note={withVatNote(session, withVat)}
      />
      <Figure
        label="Duration"
        value={<Duration session={session} />}
        note={isRunning ? null : `power flowed for ${about(session.charging_s)}`}
      />
      <Figure label="Peak power" value={power(session.peak_power_w)} />
    </Figures>
  );
}

function withVatNote(session: Session, withVat: string | null): string | null {
  if (withVat === null) return null;
  return withVat === session.cost ? "no VAT" : `${money(withVat, session.currency)} with VAT`;
}

/** The cost with VAT, also while the session runs: then by its tariff. null: not known. */
export function useWithVat(session: Session): string | null {
  const tariff = useTariff(session.tariff_id);
  if (session.total_cost.excl_vat === session.cost) return session.total_cost.incl_vat;
  return tariff === undefined ? null : inclVat(session.cost, tariff.vat_percent, session.currency);
}
