// The token that a mail's link holds behind the #. It is taken out of the address at once, where others could see it.
import { useEffect, useState } from "react";

/** The token; null when the address had none: it can be typed then. */
export function useMailedToken(): string | null {
  const [token] = useState(() => new URLSearchParams(window.location.hash.slice(1)).get("token"));
  useEffect(() => {
    const { pathname, search, hash } = window.location;
    if (hash !== "") window.history.replaceState(window.history.state, "", pathname + search);
  }, []);
  return token;
}
