// What the pages before a login may offer. While it is not known they offer less, and work all the same.
import { useQuery } from "@tanstack/react-query";
import { dataOf } from "../../api/client";
import { useApi } from "../../services";

export function usePublicConfig() {
  const api = useApi();
  return useQuery({
    queryKey: ["public-config"],
    queryFn: ({ signal }) => dataOf(api.GET("/api/v1/public/config", { signal })),
    staleTime: 300_000,
  });
}
