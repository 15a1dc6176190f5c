// Where the API is: told by a file beside the page, so that one build serves every deployment.

export interface Config {
  /** The API's origin without a slash at its end; empty: the one that the page came from. */
  apiUrl: string;
}

/** Reads `/config.json`. Throws with what is wrong: a page with a wrong address must not look like an outage. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" }).catch(() => {
    throw new Error(
      "/config.json cannot be fetched: the server is away, or its Content-Security-Policy lacks connect-src 'self'.",
    );
  });
  if (!response.ok) throw new Error(`/config.json cannot be read: the server answered ${response.status}.`);
  const config: unknown = await response.json().catch(() => null);
  const url = (config as { api_url?: unknown } | null)?.api_url;
  if (typeof url !== "string")
    throw new Error('/config.json must be JSON like {"api_url": "https://api.example.org"}.');
  if (url === "") return { apiUrl: "" };
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new Error(`/config.json: api_url is no address: ${url}`);
  }
  if (
    !/^https?:$/.test(parsed.protocol) ||
    parsed.pathname !== "/" ||
    parsed.search !== "" ||
    parsed.hash !== ""
  ) {
    throw new Error(
      `/config.json: api_url must be an origin, such as https://api.example.org, and not ${url}`,
    );
  }
  return { apiUrl: parsed.origin };
}

/** The address of the live WebSocket. */
export function liveUrl(config: Config): string {
  const url = new URL("/api/v1/live", config.apiUrl || window.location.origin);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}
