// API keys: whose, what they may do, whether they hold. Never the keys themselves.
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { dataOf } from "../../api/client";
import { ownZone, useCursorPages } from "../../api/queries";
import type { ApiKey } from "../../api/types";
import { useNowMs } from "../../live/hooks";
import { useApi } from "../../services";
import { Button } from "../../ui/Button";
import { Dialog, FormDialog } from "../../ui/Dialog";
import { Badge } from "../../ui/Status";
import { type Column, PagedTable } from "../../ui/Table";
import { Ago, Time } from "../../ui/Time";
import { useAnnounce } from "../../ui/Toasts";
import styles from "./Account.module.css";
import { type KeyState, keyState } from "./keyState";
import { PermissionList } from "./PermissionList";

const TONES = { active: "good", expired: "idle", revoked: "bad" } as const;
const STATE_WORDS: Record<KeyState, string> = { active: "Active", expired: "Expired", revoked: "Revoked" };

interface Props {
  /** Only this user's; null: everybody's. */
  userId: number | null;
  isActiveOnly: boolean;
  mayRevoke: boolean;
  empty: ReactNode;
}

export function ApiKeyList({ userId, isActiveOnly, mayRevoke, empty }: Props) {
  const api = useApi();
  const nowMs = useNowMs(30_000);
  const zone = ownZone();
  const [shown, setShown] = useState<ApiKey | null>(null);
  const [toRevoke, setToRevoke] = useState<ApiKey | null>(null);
  const pages = useCursorPages(["api-keys", userId, isActiveOnly], (cursor, signal) => {
    const query = {
      sort: "-id" as const,
      ...(userId === null ? {} : { user_id: userId }),
      ...(isActiveOnly ? { is_active: true } : {}),
      ...(cursor === undefined ? {} : { cursor }),
    };
    return dataOf(api.GET("/api/v1/api-keys", { params: { query }, signal }));
  });
  const columns: Column<ApiKey>[] = [
    {
      title: "Name",
      cell: (key) => (
        <>
          {key.name}
          <span className={styles["small"]}>
            <code>{key.prefix}…</code>
          </span>
        </>
      ),
    },
    ...(userId === null ? [{ title: "Owner", cell: (key: ApiKey) => key.username }] : []),
    {
      title: "State",
      cell: (key) => {
        const state = keyState(key, nowMs);
        return <Badge tone={TONES[state]}>{STATE_WORDS[state]}</Badge>;
      },
    },
    { title: "Last used", cell: (key) => <Ago at={key.last_used_at} zone={zone} />, isWideOnly: true },
    { title: "Expires", cell: (key) => <Time at={key.expires_at} zone={zone} />, isWideOnly: true },
    { title: "Made", cell: (key) => <Time at={key.created_at} zone={zone} />, isWideOnly: true },
    {
      title: <span className="visually-hidden">Actions</span>,
      cell: (key) => (
        <div className={styles["rowActions"]}>
          <Button isSmall onClick={() => setShown(key)} aria-label={`What ${key.name} may do`}>
            May do
          </Button>
          {mayRevoke && keyState(key, nowMs) === "active" && (
            <Button isSmall onClick={() => setToRevoke(key)} aria-label={`Revoke ${key.name}`}>
              Revoke
            </Button>
          )}
        </div>
      ),
    },
  ];
  return (
    <>
      <PagedTable caption="API keys" columns={columns} pages={pages} keyOf={(key) => key.id} empty={empty} />
      {shown && (
        <Dialog title={shown.name} isWide onClose={() => setShown(null)}>
          <p className={styles["small"]}>What its owner's role allows as well, of this:</p>
          <PermissionList permissions={shown.scopes} />
        </Dialog>
      )}
      {toRevoke && <RevokeApiKey apiKey={toRevoke} onClose={() => setToRevoke(null)} />}
    </>
  );
}

function RevokeApiKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const api = useApi();
  const announce = useAnnounce();
  const queries = useQueryClient();
  const revoke = async () => {
    const path = { api_key_id: apiKey.id };
    await dataOf(api.DELETE("/api/v1/api-keys/{api_key_id}", { params: { path } }));
    announce.done(`${apiKey.name} is revoked.`);
    await queries.invalidateQueries({ queryKey: ["api-keys"] });
  };
  return (
    <FormDialog
      title={`Revoke ${apiKey.name}?`}
      action="Revoke"
      isDangerous
      onSubmit={revoke}
      onClose={onClose}
    >
      <p>
        Whatever uses <code>{apiKey.prefix}…</code> is refused within 30 seconds. This cannot be undone; the
        key stays in the list.
      </p>
    </FormDialog>
  );
}
