// Makes a role, or changes one of ours: what it allows, in words.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { dataOf } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { Role } from "../../api/types";
import { useApi, useMe } from "../../services";
import { FormDialog } from "../../ui/Dialog";
import { Fields, TextField } from "../../ui/Field";
import { useAnnounce } from "../../ui/Toasts";
import { PermissionPicker } from "../account/PermissionPicker";
import { ALL_PERMISSIONS, beyond } from "../account/permissionWords";

/** Without these, whoever has the role cannot see and change the own account. */
const FOR_PEOPLE = ["account:read_own", "account:write_own"];

export function RoleForm({ existing: role, onClose }: { existing: Role | null; onClose: () => void }) {
  const api = useApi();
  const queries = useQueryClient();
  const announce = useAnnounce();
  const { permissions: own } = useMe();
  const [name, setName] = useState(role?.name ?? "");
  const [description, setDescription] = useState(role?.description ?? "");
  const [permissions, setPermissions] = useState(role?.permissions ?? FOR_PEOPLE);
  const [problem, setProblem] = useState<Problem | null>(null);
  // What the role has and this page does not know stays with it, and can be taken away.
  const known = [...new Set([...ALL_PERMISSIONS, ...own, ...(role?.permissions ?? [])])];
  const tooMuch = new Set(beyond(known, own));
  const save = async () => {
    if (role === null) {
      await dataOf(api.POST("/api/v1/roles", { body: { name, description, permissions } }));
      announce.done(`The role ${name} is made.`);
    } else {
      const path = { role_name: role.name };
      const body = { description, permissions };
      await dataOf(api.PATCH("/api/v1/roles/{role_name}", { params: { path }, body }));
      announce.done(`The role ${role.name} is changed. It counts within 30 seconds.`);
    }
    await queries.invalidateQueries({ queryKey: ["roles"] });
  };
  return (
    <FormDialog
      title={role === null ? "Make a role" : `Change ${role.name}`}
      action={role === null ? "Make role" : "Save"}
      isWide
      onSubmit={save}
      onProblem={setProblem}
      onClose={onClose}
    >
      <Fields>
        {role === null && (
          <TextField
            label="Name"
            hint="Small letters, digits, _ and -, beginning with a letter."
            required
            pattern="[a-z][a-z0-9_\-]{0,31}"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value.toLowerCase())}
            error={problem?.of("name")}
          />
        )}
        <TextField
          label="What it is for (optional)"
          maxLength={500}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
          error={problem?.of("description")}
        />
      </Fields>
      <h3>What it allows</h3>
      {tooMuch.size > 0 && <p>You can give what you may do yourself.</p>}
      <PermissionPicker
        offered={known.filter((each) => !tooMuch.has(each) || permissions.includes(each))}
        chosen={permissions}
        onChange={setPermissions}
      />
      {!FOR_PEOPLE.every((each) => permissions.includes(each)) && (
        <p>Without both of “Own account” the role is for machines: people could not change their password.</p>
      )}
    </FormDialog>
  );
}
