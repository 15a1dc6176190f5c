// What permissions allow, in words, to be read.
import styles from "./Permissions.module.css";
import { groupsOf, permissionInWords } from "./permissionWords";

export function PermissionList({ permissions }: { permissions: readonly string[] }) {
  if (permissions.length === 0) return <p>Nothing.</p>;
  return (
    <ul className={styles["groups"]}>
      {groupsOf(permissions).map((group) => (
        <li key={group.resource} className={styles["group"]}>
          <p className={styles["title"]}>{group.title}</p>
          <ul>
            {group.permissions.map((permission) => (
              <li key={permission}>{permissionInWords(permission)}</li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
