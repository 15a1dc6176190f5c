// The prices of a site: those in force, those to come, those that were.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Api, dataOf } from "../../api/client";
import { everyItem, useCursorPages, useSiteOf } from "../../api/queries";
import type { Tariff } from "../../api/types";
import type { ViewProps } from "../../routes";
import { useApi, useMay } from "../../services";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import { SelectField } from "../../ui/Field";
import { Card, Page, Toolbar } from "../../ui/Page";
import { Empty, Failure, Loading } from "../../ui/States";
import { PagedTable } from "../../ui/Table";
import { ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import { ConfirmDelete } from "./ConfirmDelete";
import { TariffEditor } from "./TariffEditor";
import { TariffFacts } from "./TariffFacts";
import { type OpenTariff, tariffColumns } from "./tariffColumns";

/** One of each site, as every site has prices. A driver, who may not list the sites, may see these. */
function presentTariffs(api: Api): Promise<Tariff[]> {
  return everyItem((cursor) => {
    const query = { is_current: true, limit: 500, ...(cursor === undefined ? {} : { cursor }) };
    return dataOf(api.GET("/api/v1/tariffs", { params: { query } }));
  });
}

export default function Tariffs(_props: ViewProps) {
  const api = useApi();
  const siteOf = useSiteOf();
  const mayWrite = useMay()("tariff:write");
  const [search, change] = useSearch();
  const [isNew, setNew] = useState(false);
  const tariffs = useQuery({ queryKey: ["tariffs", "present"], queryFn: () => presentTariffs(api) });
  const nameOf = (siteId: number) => siteOf(siteId)?.name ?? `Site ${siteId}`;
  const byName = [...(tariffs.data ?? [])].sort((a, b) => nameOf(a.site_id).localeCompare(nameOf(b.site_id)));
  const present = byName.find((each) => String(each.site_id) === search.get("site")) ?? byName[0];
  const zone = present && (siteOf(present.site_id)?.timezone ?? present.timezone);
  return (
    <Page
      title="Tariffs"
      aside={zone && <ZoneNote zone={zone} />}
      actions={
        mayWrite &&
        present && (
          <Button kind="primary" onClick={() => setNew(true)}>
            New tariff
          </Button>
        )
      }
    >
      {tariffs.isPending && <Loading label="Loading tariffs" rows={6} />}
      {tariffs.error !== null && <Failure error={tariffs.error} onRetry={() => void tariffs.refetch()} />}
      {tariffs.data?.length === 0 && (
        <Empty title="There are no tariffs.">Each site has some from when it is added.</Empty>
      )}
      {present && zone && (
        <>
          <Toolbar label="Filters">
            <SelectField
              label="Site"
              value={present.site_id}
              onChange={(event) => change({ site: event.target.value })}
            >
              {byName.map(({ site_id }) => (
                <option key={site_id} value={site_id}>
                  {nameOf(site_id)}
                </option>
              ))}
            </SelectField>
          </Toolbar>
          <Card title="In force now">
            <TariffFacts tariff={present} zone={zone} />
          </Card>
          <Versions key={present.site_id} present={present} zone={zone} mayWrite={mayWrite} />
          {isNew && (
            <TariffEditor
              place={{
                site_id: present.site_id,
                name: nameOf(present.site_id),
                zone,
                currency: present.currency,
              }}
              present={present}
              onClose={() => setNew(false)}
            />
          )}
        </>
      )}
    </Page>
  );
}

function Versions({ present, zone, mayWrite }: { present: Tariff; zone: string; mayWrite: boolean }) {
  const api = useApi();
  const [open, setOpen] = useState<OpenTariff | null>(null);
  const close = () => setOpen(null);
  const { site_id } = present;
  const pages = useCursorPages<Tariff>(["tariffs", "of site", site_id], (cursor, signal) => {
    const query = { site_id, ...(cursor === undefined ? {} : { cursor }) };
    return dataOf(api.GET("/api/v1/tariffs", { params: { query }, signal }));
  });
  return (
    <Card title="All versions" aside="newest first" isFlush>
      <PagedTable
        caption="Versions of the tariff"
        columns={tariffColumns(zone, mayWrite, setOpen)}
        pages={pages}
        keyOf={(tariff) => tariff.id}
        empty={<Empty title="There are no tariffs." />}
      />
      {open?.what === "show" && (
        <Dialog title={`Tariff ${open.tariff.id}`} isWide onClose={close}>
          <TariffFacts tariff={open.tariff} zone={zone} />
        </Dialog>
      )}
      {open?.what === "delete" && (
        <ConfirmDelete
          title="Take this tariff back?"
          action="Take back"
          done="The tariff is taken back."
          listKey="tariffs"
          remove={() => {
            const path = { tariff_id: open.tariff.id };
            return dataOf(api.DELETE("/api/v1/tariffs/{tariff_id}", { params: { path } }));
          }}
          onClose={close}
        >
          <p>
            The prices before it go on. That is possible until ten minutes before it comes into force; after
            that only another tariff changes prices.
          </p>
          <TariffFacts tariff={open.tariff} zone={zone} />
        </ConfirmDelete>
      )}
    </Card>
  );
}
