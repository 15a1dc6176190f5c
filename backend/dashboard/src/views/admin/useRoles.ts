// All roles, by name, for who may see them.
import { useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { everyItem } from "../../api/queries";
import { useApi, useMay } from "../../services";

export function useRoles() {
  const api = useApi();
  const isAllowed = useMay()("role:read");
  return useQuery({
    queryKey: ["roles", isAllowed],
    queryFn: () =>
      everyItem((cursor) => {
        const query = { limit: 500, ...(cursor === undefined ? {} : { cursor }) };
        return dataOf(api.GET("/api/v1/roles", { params: { query } }));
      }),
    enabled: isAllowed,
    staleTime: 30_000,
  });
}
