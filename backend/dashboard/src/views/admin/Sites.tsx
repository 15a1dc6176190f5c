// The sites: where stations stand, in which zone and currency, and who issues the bills.
import { useState } from "react";
import { Link } from "wouter";
import { dataOf } from "../../api/client";
import { useCursorPages } from "../../api/queries";
import type { Site } from "../../api/types";
import { zoneName } from "../../format/time";
import type { ViewProps } from "../../routes";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Card, Page } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { type Column, PagedTable } from "../../ui/Table";
import { useSearch } from "../../ui/useSearch";
import { ConfirmDelete } from "./ConfirmDelete";
import styles from "./Editors.module.css";
import { SiteForm } from "./SiteForm";

type Open = { what: "add" } | { what: "change" | "delete"; site: Site };

export default function Sites(_props: ViewProps) {
  const api = useApi();
  const may = useMay();
  const mayWrite = may("site:write");
  const [search, change] = useSearch();
  const [open, setOpen] = useState<Open | null>(null);
  const sort = search.get("sort") === "-name" ? "-name" : "name";
  const pages = useCursorPages(["sites", "list", sort], (cursor, signal) => {
    const query = { sort, ...(cursor === undefined ? {} : { cursor }) } as const;
    return dataOf(api.GET("/api/v1/sites", { params: { query }, signal }));
  });
  const add = (
    <Button kind="primary" onClick={() => setOpen({ what: "add" })}>
      Add site
    </Button>
  );
  return (
    <Page title="Sites" actions={mayWrite && add}>
      <Card isFlush>
        <PagedTable
          caption="Sites"
          columns={columnsOf(may, setOpen)}
          pages={pages}
          keyOf={(site) => site.id}
          sort={sort}
          onSort={(next) => change({ sort: next })}
          empty={
            <Empty title="There are no sites.">
              {mayWrite ? "Add the first one: stations and prices belong to a site." : "An admin adds them."}
            </Empty>
          }
        />
      </Card>
      {open !== null && <OpenDialog open={open} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function OpenDialog({ open, onClose }: { open: Open; onClose: () => void }) {
  const api = useApi();
  if (open.what === "add") return <SiteForm site={null} onClose={onClose} />;
  const { site } = open;
  if (open.what === "change") return <SiteForm site={site} onClose={onClose} />;
  const path = { site_id: site.id };
  return (
    <ConfirmDelete
      title={`Delete ${site.name}?`}
      action="Delete site"
      done={`${site.name} is deleted.`}
      listKey="sites"
      remove={() => dataOf(api.DELETE("/api/v1/sites/{site_id}", { params: { path } }))}
      onClose={onClose}
    >
      <p>
        The site goes with its tariffs. That is possible only when no station stands there and nothing was
        ever charged there; otherwise it stays, with its sessions and bills.
      </p>
    </ConfirmDelete>
  );
}

function columnsOf(may: (permission: string) => boolean, onOpen: (open: Open) => void): Column<Site>[] {
  return [
    {
      title: "Site",
      sort: "name",
      cell: (site) => (
        <>
          {site.name}
          <span className={styles["small"]}>{placeOf(site)}</span>
          <span className={`${styles["small"]} ${styles["narrowOnly"]}`}>{site.currency}</span>
        </>
      ),
    },
    {
      title: "Time zone",
      cell: (site) => (
        <>
          {site.timezone}
          <span className={styles["small"]}>{zoneName(site.timezone)} now</span>
        </>
      ),
      isWideOnly: true,
    },
    { title: "Currency", cell: (site) => site.currency, isWideOnly: true },
    {
      title: "Issues the bills",
      cell: (site) => (
        <>
          {site.operator_name ?? "–"}
          {site.operator_tax_id && <span className={styles["small"]}>Tax ID {site.operator_tax_id}</span>}
        </>
      ),
      isWideOnly: true,
    },
    {
      title: "Go to",
      cell: (site) => (
        <div className={styles["links"]}>
          {may("evse:read") && (
            <Link href={`/admin/stations?site=${site.id}`} aria-label={`Stations of ${site.name}`}>
              Stations
            </Link>
          )}
          {may("tariff:read") && (
            <Link href={`/admin/tariffs?site=${site.id}`} aria-label={`Tariffs of ${site.name}`}>
              Tariffs
            </Link>
          )}
        </div>
      ),
    },
    ...(may("site:write") ? [actionsOf(onOpen)] : []),
  ];
}

function actionsOf(onOpen: (open: Open) => void): Column<Site> {
  return {
    title: <span className="visually-hidden">Actions</span>,
    cell: (site) => (
      <div className={styles["rowActions"]}>
        {(["change", "delete"] as const).map((what) => {
          const word = what === "change" ? "Change" : "Delete";
          return (
            <Button
              key={what}
              isSmall
              onClick={() => onOpen({ what, site })}
              aria-label={`${word} ${site.name}`}
            >
              {word}
            </Button>
          );
        })}
      </div>
    ),
  };
}

function placeOf(site: Site): string {
  const parts = [site.address, site.postal_code, site.city, site.country].filter(Boolean);
  return parts.length === 0 ? "No address" : parts.join(", ");
}
