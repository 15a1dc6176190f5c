// What the audit log's filters offer. Others can be typed.

export const ACTIONS: readonly string[] = [
  "access.refuse",
  "alert.acknowledge",
  "alert.resolve",
  "api_key.create",
  "api_key.revoke",
  "command.cancel",
  "command.create",
  "evse.create",
  "evse.delete",
  "evse.update",
  "import.create",
  "invitation.accept",
  "invitation.create",
  "login.begin",
  "login.end",
  "login.end_all",
  "password.ask_reset",
  "password.change",
  "password.reset",
  "password.set",
  "role.create",
  "role.delete",
  "role.update",
  "site.create",
  "site.delete",
  "site.update",
  "tariff.create",
  "tariff.delete",
  "user.create",
  "user.delete",
  "user.register",
  "user.update",
];

const ACTION_WORDS: Record<string, string> = {
  "access.refuse": "Access refused",
  "login.begin": "Logged in",
  "login.end": "Login ended",
  "login.end_all": "All logins ended",
  "password.ask_reset": "Password reset asked for",
};
const VERBS: Record<string, string> = {
  accept: "accepted",
  acknowledge: "acknowledged",
  cancel: "cancelled",
  change: "changed",
  create: "made",
  delete: "deleted",
  register: "registered",
  reset: "reset",
  resolve: "resolved",
  revoke: "revoked",
  set: "set",
  update: "changed",
};
const OBJECTS: Record<string, string> = { api_key: "API key", evse: "Station" };

/** `user.update` as `User changed`. */
export function actionInWords(action: string): string {
  const [object = "", verb = ""] = action.split(".");
  const name = OBJECTS[object] ?? object.charAt(0).toUpperCase() + object.slice(1).replace(/_/g, " ");
  return ACTION_WORDS[action] ?? `${name} ${VERBS[verb] ?? verb.replace(/_/g, " ")}`;
}
