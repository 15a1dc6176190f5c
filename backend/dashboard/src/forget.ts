// What one user was shown is not for the next one: it is forgotten before anything is drawn for them.
import type { QueryClient } from "@tanstack/react-query";
import type { Login } from "./api/login";
import type { Connection } from "./live/connection";

/** Call it before anything is drawn: listeners are told in the order in which they came. */
export function forgetBetweenUsers(login: Login, queries: QueryClient, connection: Connection): void {
  let shownTo = userIdOf(login);
  login.subscribe(() => {
    const userId = userIdOf(login);
    if (userId === shownTo) return;
    shownTo = userId;
    queries.clear();
    connection.close();
    connection.picture.forget();
  });
}

function userIdOf(login: Login): number | null {
  return "me" in login.state ? login.state.me.user.id : null;
}
