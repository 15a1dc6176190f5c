// The users: who they are, what role they have, whether they may log in.
import { useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone, useCursorPages } from "../../api/queries";
import type { User } from "../../api/types";
import type { ViewProps } from "../../routes";
import { useApi, useMay, useMe } from "../../services";
import { Button } from "../../ui/Button";
import { Card, Page } from "../../ui/Page";
import { Empty } from "../../ui/States";
import { Badge } from "../../ui/Status";
import { type Column, PagedTable } from "../../ui/Table";
import { Time, ZoneNote } from "../../ui/Time";
import { useSearch } from "../../ui/useSearch";
import styles from "../account/Account.module.css";
import { usePublicConfig } from "../login/usePublicConfig";
import { AddUser } from "./AddUser";
import { ChangeUser } from "./ChangeUser";
import { DeleteUser } from "./DeleteUser";
import { InviteUser } from "./InviteUser";
import { filtersOf, UserFilters } from "./UserFilters";
import { UserLogins } from "./UserLogins";

type Open = { what: "add" | "invite" } | { what: "change" | "logins" | "delete"; user: User };

export default function Users(_props: ViewProps) {
  const api = useApi();
  const mayWrite = useMay()("user:write");
  const { data: config } = usePublicConfig();
  const [search, change] = useSearch();
  const [open, setOpen] = useState<Open | null>(null);
  const { q, role, active, sort } = filtersOf(search);
  const pages = useCursorPages(["users", q, role, active, sort], (cursor, signal) => {
    const query = {
      sort,
      ...(q === "" ? {} : { q }),
      ...(role === "" ? {} : { role }),
      ...(active === "" ? {} : { is_active: active === "yes" }),
      ...(cursor === undefined ? {} : { cursor }),
    };
    return dataOf(api.GET("/api/v1/users", { params: { query }, signal }));
  });
  const canInvite = config?.can_reset_password && config.registration !== "closed";
  const isFiltered = q !== "" || role !== "" || active !== "";
  return (
    <Page
      title="Users"
      aside={<ZoneNote zone={ownZone()} />}
      actions={
        mayWrite && (
          <>
            {canInvite && <Button onClick={() => setOpen({ what: "invite" })}>Invite by mail</Button>}
            <Button kind="primary" onClick={() => setOpen({ what: "add" })}>
              Add user
            </Button>
          </>
        )
      }
    >
      <UserFilters />
      <Card isFlush>
        <PagedTable
          caption="Users"
          columns={useColumns(mayWrite, setOpen)}
          pages={pages}
          keyOf={(user) => user.id}
          sort={sort}
          onSort={(next) => change({ sort: next })}
          empty={
            isFiltered ? (
              <Empty title="Nobody is like this.">
                <Button isSmall onClick={() => change({ q: null, role: null, active: null })}>
                  Show all users
                </Button>
              </Empty>
            ) : (
              <Empty title="There are no users." />
            )
          }
        />
      </Card>
      {open !== null && <OpenDialog open={open} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function useColumns(mayWrite: boolean, onOpen: (open: Open) => void): Column<User>[] {
  const me = useMe().user.id;
  const zone = ownZone();
  return [
    {
      title: "User",
      sort: "username",
      cell: (user) => (
        <>
          {user.username} {user.id === me && <Badge tone="charging">You</Badge>}
          {!user.is_active && (
            <span className={styles["narrowOnly"]}>
              <Badge tone="idle">Inactive</Badge>
            </span>
          )}
          <span className={styles["small"]}>{user.email ?? "No mail address"}</span>
        </>
      ),
    },
    { title: "Role", cell: (user) => user.role },
    { title: "ID token", cell: (user) => user.id_token ?? "–", isWideOnly: true },
    {
      title: "State",
      cell: (user) => (
        <Badge tone={user.is_active ? "good" : "idle"}>{user.is_active ? "Active" : "Inactive"}</Badge>
      ),
      isWideOnly: true,
    },
    {
      title: "Since",
      sort: "id",
      cell: (user) => <Time at={user.created_at} zone={zone} />,
      isWideOnly: true,
    },
    {
      title: <span className="visually-hidden">Actions</span>,
      cell: (user) => {
        const button = (what: "change" | "logins" | "delete", word: string) => (
          <Button isSmall onClick={() => onOpen({ what, user })} aria-label={`${word} ${user.username}`}>
            {word}
          </Button>
        );
        return (
          <div className={styles["rowActions"]}>
            {mayWrite && button("change", "Change")}
            <Button
              isSmall
              onClick={() => onOpen({ what: "logins", user })}
              aria-label={`Logins of ${user.username}`}
            >
              Logins
            </Button>
            {mayWrite && button("delete", "Delete")}
          </div>
        );
      },
    },
  ];
}

function OpenDialog({ open, onClose }: { open: Open; onClose: () => void }) {
  switch (open.what) {
    case "add":
      return <AddUser onClose={onClose} />;
    case "invite":
      return <InviteUser onClose={onClose} />;
    case "change":
      return <ChangeUser user={open.user} onClose={onClose} />;
    case "logins":
      return <UserLogins user={open.user} onClose={onClose} />;
    case "delete":
      return <DeleteUser user={open.user} onClose={onClose} />;
  }
}
