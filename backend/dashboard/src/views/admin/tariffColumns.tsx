// What the list of a site's tariffs shows of each version.

import type { Tariff } from "../../api/types";
import { serverNowMs } from "../../clock";
import { pricePerKwh } from "../../format/money";
import { number } from "../../format/number";
import { dayTime } from "../../format/time";
import { Button } from "../../ui/Button";
import { Badge } from "../../ui/Status";
import type { Column } from "../../ui/Table";
import { Time } from "../../ui/Time";
import { percent } from "../sessions/vat";
import styles from "./Editors.module.css";
import { isAlways } from "./TariffFacts";

export interface OpenTariff {
  what: "show" | "delete";
  tariff: Tariff;
}

export function tariffColumns(
  zone: string,
  mayWrite: boolean,
  onOpen: (open: OpenTariff) => void,
): Column<Tariff>[] {
  const isComing = (tariff: Tariff) => Date.parse(tariff.valid_from) > serverNowMs();
  return [
    {
      title: "In force from",
      cell: (tariff) => (isAlways(tariff) ? "The beginning" : <Time at={tariff.valid_from} zone={zone} />),
    },
    {
      title: "State",
      cell: (tariff) =>
        tariff.is_current ? (
          <Badge tone="good">In force</Badge>
        ) : (
          <Badge tone={isComing(tariff) ? "charging" : "idle"}>{isComing(tariff) ? "To come" : "Past"}</Badge>
        ),
    },
    {
      title: "Solar",
      cell: (tariff) => pricePerKwh(tariff.price_solar_per_kwh, tariff.currency),
      isNumber: true,
      isWideOnly: true,
    },
    {
      title: "Grid",
      cell: (tariff) => pricePerKwh(tariff.price_grid_per_kwh, tariff.currency),
      isNumber: true,
      isWideOnly: true,
    },
    { title: "VAT", cell: (tariff) => percent(tariff.vat_percent), isNumber: true, isWideOnly: true },
    {
      title: "Times of day",
      cell: (tariff) => (tariff.elements.length === 0 ? "–" : number(tariff.elements.length)),
      isNumber: true,
      isWideOnly: true,
    },
    {
      title: <span className="visually-hidden">Actions</span>,
      cell: (tariff) => {
        const name = isAlways(tariff)
          ? "the first prices"
          : `tariff from ${dayTime(tariff.valid_from, zone)}`;
        return (
          <div className={styles["rowActions"]}>
            <Button isSmall onClick={() => onOpen({ what: "show", tariff })} aria-label={`Show ${name}`}>
              Show
            </Button>
            {mayWrite && isComing(tariff) && (
              <Button
                isSmall
                onClick={() => onOpen({ what: "delete", tariff })}
                aria-label={`Take back ${name}`}
              >
                Take back
              </Button>
            )}
          </div>
        );
      },
    },
  ];
}
