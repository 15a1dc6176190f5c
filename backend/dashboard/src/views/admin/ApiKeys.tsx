// The API keys of everybody.
import { useState } from "react";
import { ownZone } from "../../api/queries";
import type { ViewProps } from "../../routes";
import { useMay, useMe } from "../../services";
import { Button } from "../../ui/Button";
import { Card, Page, Toolbar } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { Choice } from "../../ui/Tabs";
import { ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import { ApiKeyList } from "../account/ApiKeyList";
import { MakeApiKey } from "../account/MakeApiKey";

const OWNERS = [
  ["all", "Everybody's"],
  ["own", "My own"],
] as const;
const STATES = [
  ["active", "Hold now"],
  ["all", "Expired and revoked too"],
] as const;

export default function ApiKeys(_props: ViewProps) {
  const may = useMay();
  const { user } = useMe();
  const [search, change] = useSearch();
  const [isMaking, setMaking] = useState(false);
  const owners = search.get("owner") === "own" ? "own" : "all";
  const states = search.get("state") === "all" ? "all" : "active";
  return (
    <Page
      title="API keys"
      aside={<ZoneNote zone={ownZone()} />}
      actions={
        (may("api_key:write") || may("account:write_own")) && (
          <Button kind="primary" onClick={() => setMaking(true)}>
            Make a key
          </Button>
        )
      }
    >
      <Toolbar label="Filters">
        <Choice
          label="Whose keys"
          choices={OWNERS}
          value={owners}
          onChange={(next) => change({ owner: next === "own" ? "own" : null })}
        />
        <Choice
          label="Which keys"
          choices={STATES}
          value={states}
          onChange={(next) => change({ state: next === "all" ? "all" : null })}
        />
      </Toolbar>
      <Card isFlush>
        <ApiKeyList
          userId={owners === "own" ? user.id : null}
          isActiveOnly={states === "active"}
          mayRevoke={may("api_key:write")}
          empty={
            <Empty title={states === "active" ? "No key holds at the moment." : "There are no keys."}>
              A key lets a program use the API: a chart, a script, another system.
            </Empty>
          }
        />
      </Card>
      {isMaking && <MakeApiKey onClose={() => setMaking(false)} />}
    </Page>
  );
}
