// Where somebody is, or was, logged in; ends one login, or all but the one that asks.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ownZone, useCursorPages } from "../../api/queries";
import type { Login } from "../../api/types";
import { inWords } from "../../format/words";
import { Button } from "../../ui/Button";
import { FormDialog } from "../../ui/Dialog";
import { Empty } from "../../ui/States";
import { Badge } from "../../ui/Status";
import { type Column, PagedTable } from "../../ui/Table";
import { Ago, Time } from "../../ui/Time";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Account.module.css";
import { browserOf } from "./browserOf";

const END_REASONS: Record<string, string> = {
  logout: "Logged out",
  revoked: "Ended by hand, or with the account",
  reuse: "A token came twice: it may have been stolen",
  password_changed: "Password changed",
  password_reset: "Password reset",
  too_many: "Too many logins",
};

interface Page {
  items: Login[];
  next_cursor: string | null;
}

interface Props {
  /** Whose they are, for the table's name and the cache. */
  owner: string;
  /** Only those that hold now. */
  isActiveOnly: boolean;
  page: (cursor: string | undefined, signal: AbortSignal) => Promise<Page>;
  /** Ends one; null: they may be seen only. */
  onEnd: ((loginId: string) => Promise<unknown>) | null;
}

export function Logins({ owner, isActiveOnly, page, onEnd }: Props) {
  const key = ["logins", owner];
  const queries = useQueryClient();
  const announce = useAnnounce();
  const [toEnd, setToEnd] = useState<readonly Login[] | null>(null);
  const pages = useCursorPages([...key, isActiveOnly], page);
  const zone = ownZone();
  const others = pages.items.filter((login) => login.ended_at === null && !login.is_current);

  const end = async (logins: readonly Login[]) => {
    try {
      for (const login of logins) await onEnd?.(login.id);
    } finally {
      await queries.invalidateQueries({ queryKey: key }); // some may have ended before one did not
    }
    announce.done(logins.length === 1 ? "The login has ended." : `${logins.length} logins have ended.`);
  };

  const columns: Column<Login>[] = [
    {
      title: "Program",
      cell: (login) => (
        <>
          {browserOf(login.user_agent)} {login.is_current && <Badge tone="good">This one</Badge>}
          <span className={styles["small"]}>{login.address ?? "Address unknown"}</span>
        </>
      ),
    },
    { title: "Last used", cell: (login) => <Ago at={login.last_used_at} zone={zone} /> },
    { title: "Began", cell: (login) => <Time at={login.created_at} zone={zone} />, isWideOnly: true },
    {
      title: isActiveOnly ? "Holds until, at most" : "State",
      cell: (login) =>
        login.ended_at === null ? (
          <Time at={login.expires_at} zone={zone} />
        ) : (
          <>
            {END_REASONS[login.end_reason ?? ""] ?? inWords(login.end_reason)}
            <span className={styles["small"]}>
              <Time at={login.ended_at} zone={zone} />
            </span>
          </>
        ),
      isWideOnly: isActiveOnly,
    },
  ];
  if (onEnd !== null) {
    columns.push({
      title: <span className="visually-hidden">Actions</span>,
      cell: (login) =>
        login.ended_at === null &&
        !login.is_current && (
          <Button
            isSmall
            onClick={() => setToEnd([login])}
            aria-label={`End the login of ${browserOf(login.user_agent)}, ${login.address ?? "address unknown"}`}
          >
            End
          </Button>
        ),
      isNumber: true,
    });
  }
  return (
    <>
      <PagedTable
        caption={`Logins of ${owner}`}
        columns={columns}
        pages={pages}
        keyOf={(login) => login.id}
        empty={<Empty title="Logged in nowhere." />}
      />
      {onEnd !== null && others.length > 1 && (
        <div className={styles["below"]}>
          <Button isSmall onClick={() => setToEnd(others)}>
            End these {others.length} logins
          </Button>
        </div>
      )}
      {toEnd !== null && (
        <FormDialog
          title={toEnd.length === 1 ? "End this login?" : `End ${toEnd.length} logins?`}
          action={toEnd.length === 1 ? "End login" : "End logins"}
          isDangerous
          onSubmit={() => end(toEnd)}
          onClose={() => setToEnd(null)}
        >
          <p>Whoever is there must log in again, within 30 seconds. Nothing else changes.</p>
        </FormDialog>
      )}
    </>
  );
}
