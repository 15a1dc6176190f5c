// A driver's own page: the running session, starting another, and what was charged before.
import { ownZone } from "../../api/queries";
import type { ViewProps } from "../../routes";
import { useMay, useMe } from "../../services";
import { Card, Page } from "../../ui/Page";
import { Empty, Loading } from "../../ui/States";
import { CommandProgress } from "../station/CommandProgress";
import { useStationStatuses } from "../status/useStations";
import { MySessions } from "./MySessions";
import { RunningSessions } from "./RunningSessions";
import { StartCharging } from "./StartCharging";
import { useMyCommands } from "./useMyCommands";
import { useMyRunning } from "./useMyRunning";

export default function MyCharging(_: ViewProps) {
  const { user } = useMe();
  return (
    <Page title="My charging">
      {user.id_token === null ? (
        <Card>
          <Empty title="You have no charging token yet">
            Sessions are found by the token of your card or app. Ask your operator to enter it in your
            account; then you can start charging here, and see your sessions and bills.
          </Empty>
        </Card>
      ) : (
        <WithToken idToken={user.id_token} />
      )}
    </Page>
  );
}

function WithToken({ idToken }: { idToken: string }) {
  const may = useMay();
  const running = useMyRunning(idToken);
  const commands = useMyCommands();
  const zone = useOwnSitesZone();
  if (zone === null)
    return (
      <Card>
        <Loading label="Loading your sessions" rows={6} />
      </Card>
    );
  return (
    <>
      <RunningSessions running={running} commands={commands} />
      {commands.open.length > 0 && (
        <Card title="Under way">
          <ul>
            {commands.open.map((command) => (
              <CommandProgress
                key={command.id}
                command={command}
                zone={zone}
                mayCancel={false}
                onChanged={nothing}
              />
            ))}
          </ul>
        </Card>
      )}
      {may("evse:control_own") && may("status:read") && running.sessions?.length === 0 && (
        <StartCharging idToken={idToken} commands={commands} />
      )}
      <MySessions idToken={idToken} zone={zone} />
    </>
  );
}

function nothing(): void {}

/** Days are those of the sites where they share a zone, else the reader's. null: not known yet. */
function useOwnSitesZone(): string | null {
  const { data, isLoading } = useStationStatuses();
  if (isLoading) return null;
  const zones = new Set(data?.map((evse) => evse.timezone));
  const [only] = zones;
  return zones.size === 1 && only !== undefined ? only : ownZone();
}
