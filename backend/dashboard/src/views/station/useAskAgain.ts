// Asks for lists again when something live says that they have changed.
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

/** Whenever `sign` changes, the query of `key` is asked again; what is shown stays until the answer comes. */
export function useAskAgain(key: readonly unknown[], sign: string | number): void {
  const queries = useQueryClient();
  const before = useRef(sign);
  const text = JSON.stringify(key);
  useEffect(() => {
    if (before.current === sign) return;
    before.current = sign;
    void queries.invalidateQueries({ queryKey: JSON.parse(text) as unknown[] });
  }, [queries, text, sign]);
}
