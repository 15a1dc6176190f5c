// The roles, built in or made here, and what each allows in words.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { dataOf } from "../../api/client";
import type { Role } from "../../api/types";
import type { ViewProps } from "../../routes";
import { useApi, useMay, useMe } from "../../services";
import { Button } from "../../ui/Button";
import { FormDialog } from "../../ui/Dialog";
import { Card, Page } from "../../ui/Page";
import { Failure, Loading } from "../../ui/States";
import { Badge } from "../../ui/Status";
import { useAnnounce } from "../../ui/Toasts";
import styles from "../account/Account.module.css";
import { PermissionList } from "../account/PermissionList";
import { beyond } from "../account/permissionWords";
import { RoleForm } from "./RoleForm";
import { useRoles } from "./useRoles";

type Open = { what: "make" } | { what: "change" | "delete"; role: Role };

export default function Roles(_props: ViewProps) {
  const roles = useRoles();
  const mayWrite = useMay()("role:write");
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  return (
    <Page
      title="Roles"
      actions={
        mayWrite && (
          <Button kind="primary" onClick={() => setOpen({ what: "make" })}>
            Make a role
          </Button>
        )
      }
    >
      {roles.isPending ? (
        <Card>
          <Loading label="Loading roles" rows={6} />
        </Card>
      ) : roles.isError ? (
        <Card>
          <Failure error={roles.error} onRetry={() => void roles.refetch()} />
        </Card>
      ) : (
        roles.data.map((role) => (
          <RoleCard key={role.name} role={role} mayWrite={mayWrite} onOpen={setOpen} />
        ))
      )}
      {open?.what === "make" && <RoleForm existing={null} onClose={close} />}
      {open?.what === "change" && <RoleForm existing={open.role} onClose={close} />}
      {open?.what === "delete" && <DeleteRole role={open.role} onClose={close} />}
    </Page>
  );
}

interface CardProps {
  role: Role;
  mayWrite: boolean;
  onOpen: (open: Open) => void;
}

function RoleCard({ role, mayWrite, onOpen }: CardProps) {
  const { permissions: own } = useMe();
  const mayReadUsers = useMay()("user:read");
  const mayChange = mayWrite && !role.is_built_in && beyond(role.permissions, own).length === 0;
  return (
    <Card
      title={role.name}
      aside={
        <>
          <Badge tone={role.is_built_in ? "idle" : "charging"}>
            {role.is_built_in ? "Built in" : "Made here"}
          </Badge>{" "}
          {role.description}
        </>
      }
      actions={
        <>
          {mayChange && (
            <>
              <Button
                isSmall
                onClick={() => onOpen({ what: "change", role })}
                aria-label={`Change ${role.name}`}
              >
                Change
              </Button>
              <Button
                isSmall
                onClick={() => onOpen({ what: "delete", role })}
                aria-label={`Delete ${role.name}`}
              >
                Delete
              </Button>
            </>
          )}
          {mayReadUsers && (
            <Link href={`/admin/users?role=${encodeURIComponent(role.name)}`}>
              Who has it<span className="visually-hidden">: {role.name}</span>
            </Link>
          )}
        </>
      }
    >
      <details className={styles["allows"]}>
        <summary>
          What it allows <span className="tabular">({role.permissions.length})</span>
        </summary>
        <PermissionList permissions={role.permissions} />
      </details>
    </Card>
  );
}

function DeleteRole({ role, onClose }: { role: Role; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const remove = async () => {
    const path = { role_name: role.name };
    await dataOf(api.DELETE("/api/v1/roles/{role_name}", { params: { path } }));
    announce.done(`The role ${role.name} is deleted.`);
    await queries.invalidateQueries({ queryKey: ["roles"] });
  };
  return (
    <FormDialog
      title={`Delete the role ${role.name}?`}
      action="Delete role"
      isDangerous
      onSubmit={remove}
      onClose={onClose}
    >
      <p>Only a role that nobody has, and to which nobody is invited, can be deleted.</p>
    </FormDialog>
  );
}
