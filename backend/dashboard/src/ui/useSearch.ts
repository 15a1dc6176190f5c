// The filters of a view live in its address: a link, a reload or a login in between keeps them.
import { useCallback, useMemo } from "react";
import { useLocation, useSearch as useSearchText } from "wouter";

/** The parameters of the address, and how to change some of them. An empty value removes one. */
export function useSearch(): [URLSearchParams, (changes: Record<string, string | null>) => void] {
  const text = useSearchText();
  const [location, navigate] = useLocation();
  const search = useMemo(() => new URLSearchParams(text), [text]);
  const change = useCallback(
    (changes: Record<string, string | null>) => {
      const next = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === null || value === "") next.delete(name);
        else next.set(name, value);
      }
      const query = next.toString();
      navigate(query === "" ? location : `${location}?${query}`, { replace: true });
    },
    [location, navigate],
  );
  return [search, change];
}
