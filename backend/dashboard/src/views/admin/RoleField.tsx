// Chooses a role that whoever chooses may give.
import { useMay, useMe } from "../../services";
import { SelectField, TextField } from "../../ui/Field";
import { beyond } from "../account/permissionWords";
import { useRoles } from "./useRoles";

interface Props {
  value: string;
  error: string | null | undefined;
  onChange: (role: string) => void;
}

export function RoleField({ value, error, onChange }: Props) {
  const { permissions } = useMe();
  const mayRead = useMay()("role:read");
  const { data: roles = [], isError } = useRoles();
  const shown = { label: "Role", required: true, value, error };
  if (!mayRead || isError)
    return <TextField {...shown} onChange={(event) => onChange(event.target.value)} maxLength={32} />;
  const chosen = roles.find((role) => role.name === value);
  return (
    <SelectField {...shown} hint={chosen?.description} onChange={(event) => onChange(event.target.value)}>
      {value === "" && <option value="">Choose one</option>}
      {value !== "" && chosen === undefined && <option>{value}</option>}
      {roles.map((role) => {
        const isMore = beyond(role.permissions, permissions).length > 0;
        return (
          <option key={role.name} value={role.name} disabled={isMore && role.name !== value}>
            {isMore ? `${role.name} (may do more than you)` : role.name}
          </option>
        );
      })}
    </SelectField>
  );
}
