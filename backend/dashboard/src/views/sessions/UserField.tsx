// The filter of one driver by the username: only an account that there is can be taken.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useId, useState } from "react";
import { dataOf } from "../../api/client";
import type { User } from "../../api/types";
import { useApi, useMay } from "../../services";
import { TextField } from "../../ui/Field";
import { useSearch } from "../../ui/useSearch";

/** The account that the address asks for. */
export function useAskedUser(): User | undefined {
  const api = useApi();
  const may = useMay();
  const [search] = useSearch();
  const userId = Number(search.get("user"));
  const { data } = useQuery({
    queryKey: ["user", userId],
    queryFn: () => dataOf(api.GET("/api/v1/users/{user_id}", { params: { path: { user_id: userId } } })),
    enabled: Number.isInteger(userId) && userId > 0 && may("user:read"),
  });
  return data;
}

export function UserField() {
  const api = useApi();
  const [, change] = useSearch();
  const asked = useAskedUser();
  const [draft, setDraft] = useState<string | null>(null);
  const listId = useId();
  const typed = draft?.trim() ?? "";
  const { data: found } = useQuery({
    queryKey: ["users-like", typed],
    queryFn: ({ signal }) =>
      dataOf(api.GET("/api/v1/users", { params: { query: { q: typed, limit: 10 } }, signal })),
    enabled: typed !== "",
    placeholderData: (previous) => previous,
  });
  const match = found?.items.find((user) => user.username.toLowerCase() === typed.toLowerCase());
  const askedId = asked?.id;
  useEffect(() => {
    if (match !== undefined && match.id !== askedId) change({ user: String(match.id) });
  }, [match, askedId, change]);
  return (
    <>
      <TextField
        label="User"
        type="search"
        placeholder="Any"
        autoComplete="off"
        spellCheck={false}
        list={listId}
        value={draft ?? asked?.username ?? ""}
        error={typed !== "" && match === undefined && found?.items.length === 0 ? "No such user" : null}
        onChange={(event) => {
          setDraft(event.target.value);
          if (event.target.value === "") change({ user: null });
        }}
        onBlur={() => setDraft(null)}
      />
      <datalist id={listId}>
        {found?.items.map((user) => (
          <option key={user.id} value={user.username} />
        ))}
      </datalist>
    </>
  );
}
