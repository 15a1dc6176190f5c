// Chooses permissions, in words, in groups by what they are about.
import { CheckField } from "../../ui/Field";
import styles from "./Permissions.module.css";
import { groupsOf, permissionInWords } from "./permissionWords";

interface Props {
  /** Those that can be chosen. */
  offered: readonly string[];
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
}

export function PermissionPicker({ offered, chosen, onChange }: Props) {
  const toggle = (permission: string, isChosen: boolean) =>
    onChange(isChosen ? [...chosen, permission] : chosen.filter((each) => each !== permission));
  return (
    <div className={styles["groups"]}>
      {groupsOf(offered).map((group) => (
        <fieldset key={group.resource} className={styles["group"]}>
          <legend className={styles["title"]}>{group.title}</legend>
          <div className={styles["choices"]}>
            {group.permissions.map((permission) => (
              <CheckField
                key={permission}
                label={permissionInWords(permission)}
                checked={chosen.includes(permission)}
                onChange={(event) => toggle(permission, event.target.checked)}
              />
            ))}
          </div>
        </fieldset>
      ))}
    </div>
  );
}
