// The own account: who I am and what I may do, password, logins, API keys, colours.
import { useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone } from "../../api/queries";
import type { ViewProps } from "../../routes";
import { useApi, useMay, useMe } from "../../services";
import { chooseTheme, chosenTheme, type Theme } from "../../theme";
import { Button } from "../../ui/Button";
import { Card, Columns, Facts, Page } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { Choice } from "../../ui/Tabs";
import { Time, ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import styles from "./Account.module.css";
import { ApiKeyList } from "./ApiKeyList";
import { ChangePassword } from "./ChangePassword";
import { Logins } from "./Logins";
import { MakeApiKey } from "./MakeApiKey";
import { PermissionList } from "./PermissionList";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
];

export default function Account(_props: ViewProps) {
  const { user, permissions } = useMe();
  const may = useMay();
  const mayChange = may("account:write_own");
  const zone = ownZone();
  const [isChanging, setChanging] = useState(false);
  const [theme, setTheme] = useState(chosenTheme);
  const changeTheme = (next: Theme) => {
    chooseTheme(next);
    setTheme(next);
  };
  return (
    <Page title="Account" aside={<ZoneNote zone={zone} />}>
      <Columns min={26}>
        <Card
          title={user.username}
          actions={
            mayChange && (
              <Button isSmall onClick={() => setChanging(true)}>
                Change password
              </Button>
            )
          }
        >
          <div className={styles["facts"]}>
            <Facts
              facts={[
                ["Role", user.role],
                ["Mail address", user.email ?? "None: a forgotten password cannot be reset by mail"],
                [
                  "ID token",
                  user.id_token ? <code key="token">{user.id_token}</code> : "None: no sessions are yours",
                ],
                ["Password changed", <Time key="at" at={user.password_changed_at} zone={zone} />],
                ["User since", <Time key="at" at={user.created_at} zone={zone} />],
              ]}
            />
          </div>
          <details className={styles["allows"]}>
            <summary>What your role allows</summary>
            <PermissionList permissions={permissions} />
          </details>
        </Card>
        <Card title="Colours" aside="kept in this browser">
          <Choice label="Colours" choices={THEMES} value={theme} onChange={changeTheme} />
        </Card>
      </Columns>
      <OwnKeys mayChange={mayChange} />
      <OwnLogins mayChange={mayChange} />
      {isChanging && <ChangePassword onClose={() => setChanging(false)} />}
    </Page>
  );
}

const LOGIN_CHOICES = [
  ["active", "Hold now"],
  ["all", "Ended too"],
] as const;

function OwnLogins({ mayChange }: { mayChange: boolean }) {
  const api = useApi();
  const { user } = useMe();
  const [search, change] = useSearch();
  const shown = search.get("logins") === "all" ? "all" : "active";
  return (
    <Card
      title="Your logins"
      isFlush
      actions={
        <Choice
          label="Which logins"
          choices={LOGIN_CHOICES}
          value={shown}
          onChange={(next) => change({ logins: next === "all" ? "all" : null })}
        />
      }
    >
      <Logins
        owner={user.username}
        isActiveOnly={shown === "active"}
        page={(cursor, signal) => {
          const query = {
            ...(shown === "active" ? { is_active: true } : {}),
            ...(cursor === undefined ? {} : { cursor }),
          };
          return dataOf(api.GET("/api/v1/auth/logins", { params: { query }, signal }));
        }}
        onEnd={
          mayChange
            ? (login_id) =>
                dataOf(api.DELETE("/api/v1/auth/logins/{login_id}", { params: { path: { login_id } } }))
            : null
        }
      />
    </Card>
  );
}

function OwnKeys({ mayChange }: { mayChange: boolean }) {
  const { user } = useMe();
  const [isMaking, setMaking] = useState(false);
  return (
    <Card
      title="Your API keys"
      aside="for programs that act as you"
      isFlush
      actions={
        mayChange && (
          <Button isSmall onClick={() => setMaking(true)}>
            Make a key
          </Button>
        )
      }
    >
      <ApiKeyList
        userId={user.id}
        isActiveOnly={false}
        mayRevoke={mayChange}
        empty={<Empty title="You have no API keys.">Programs that read from the API need one.</Empty>}
      />
      {isMaking && <MakeApiKey onClose={() => setMaking(false)} />}
    </Card>
  );
}
