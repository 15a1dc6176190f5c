// What permissions allow, in words, in groups by what they are about. The API's own words: domain/permission.py.
import { inWords } from "../../format/words";

const WORDS: Record<string, string> = {
  "account:read_own": "See the own account, logins and API keys.",
  "account:write_own": "Change the own password, end own logins, make and revoke own API keys.",
  "alert:read": "See alerts and their rules.",
  "alert:write": "Acknowledge alerts, and change their rules.",
  "api_key:read": "See everybody's API keys (never the keys themselves).",
  "api_key:write": "Make API keys, and revoke everybody's.",
  "audit:read": "Read the audit log.",
  "bill:read": "See all bills.",
  "bill:read_own": "See the bills of own sessions.",
  "command:read": "See all commands and how they ended.",
  "command:read_own": "See the own commands.",
  "docs:read": "Read the description of the API.",
  "evse:control": "Start, stop, limit and reset stations.",
  "evse:control_own": "Start with the own id_token; stop, pause and resume the own session.",
  "evse:read": "See the stations, their state and their events.",
  "evse:write": "Add, change and disable stations.",
  "export:read": "Export readings, sessions and bills.",
  "import:read": "See imports and how they ended.",
  "import:write": "Import what stations kept while they were offline.",
  "live:subscribe": "Open the live WebSocket; the other permissions decide what it shows.",
  "rejected_message:read": "See messages that could not be used.",
  "role:read": "See roles and what they allow.",
  "role:write": "Make, change and remove roles, within the own permissions.",
  "session:read": "See all sessions.",
  "session:read_own": "See the sessions of the own id_token.",
  "site:read": "See the sites.",
  "site:write": "Add and change sites.",
  "stats:read": "See sums and rates over sites and periods.",
  "status:read": "See which stations are free.",
  "tariff:read": "See the tariffs.",
  "tariff:write": "Add tariffs and end them.",
  "telemetry:read": "See all readings.",
  "telemetry:read_own": "See the readings of own sessions.",
  "user:read": "See the users and their logins.",
  "user:write": "Add, invite, change and remove users, within the own permissions.",
};

const RESOURCES: Record<string, string> = {
  account: "Own account",
  alert: "Alerts",
  api_key: "API keys",
  audit: "Audit log",
  bill: "Bills",
  command: "Commands",
  docs: "Documentation",
  evse: "Stations",
  export: "Exports",
  import: "Imports",
  live: "Live picture",
  rejected_message: "Rejected messages",
  role: "Roles",
  session: "Sessions",
  site: "Sites",
  stats: "Statistics",
  status: "Free stations",
  tariff: "Tariffs",
  telemetry: "Readings",
  user: "Users",
};

/** Every permission that this page knows; a newer server may have more. */
export const ALL_PERMISSIONS: readonly string[] = Object.keys(WORDS);

/** What a permission allows; its own name where nobody has said it in words. */
export function permissionInWords(permission: string): string {
  return WORDS[permission] ?? permission;
}

export interface PermissionGroup {
  resource: string;
  title: string;
  permissions: string[];
}

/** The permissions in groups by what they are about, both in the order of the titles. */
export function groupsOf(permissions: readonly string[]): PermissionGroup[] {
  const groups = new Map<string, string[]>();
  for (const permission of [...permissions].sort()) {
    const resource = permission.split(":")[0] ?? permission;
    groups.set(resource, [...(groups.get(resource) ?? []), permission]);
  }
  return [...groups]
    .map(([resource, members]) => ({
      resource,
      title: RESOURCES[resource] ?? inWords(resource),
      permissions: members,
    }))
    .sort((a, b) => a.title.localeCompare(b.title));
}

/** Those that somebody who has `own` may not give to others: `bill:read` covers `bill:read_own`. */
export function beyond(permissions: readonly string[], own: readonly string[]): string[] {
  const givable = new Set(own.flatMap((permission) => [permission, `${permission}_own`]));
  return permissions.filter((permission) => !givable.has(permission));
}
