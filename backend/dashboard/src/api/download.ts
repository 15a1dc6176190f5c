// Files from the API into the reader's downloads, with the token that a plain link could not send.

import { authorizedFetch } from "./client";
import type { Login } from "./login";

/** Fetch a file and save it. `onProgress` is told how many bytes have come. Throws a Problem. */
export async function download(
  login: Login,
  path: string,
  query: Record<string, string | number | readonly string[] | null | undefined>,
  fallbackName: string,
  onProgress: (received_bytes: number) => void = () => {},
  signal: AbortSignal | null = null,
): Promise<void> {
  const url = new URL(path, login.config.apiUrl || window.location.origin);
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    for (const each of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(each));
  }
  const response = await authorizedFetch(login, new Request(url, { signal }));
  const blob = await received(response, onProgress);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = nameIn(response.headers.get("Content-Disposition")) ?? fallbackName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Browsers keep large blobs on disk, so an export does not have to fit into memory. */
async function received(response: Response, onProgress: (received_bytes: number) => void): Promise<Blob> {
  if (response.body === null) return response.blob();
  let received_bytes = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        received_bytes += chunk.byteLength;
        onProgress(received_bytes);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted, { headers: response.headers }).blob();
}

function nameIn(disposition: string | null): string | null {
  return disposition?.match(/filename="?([^";]+)"?/)?.[1] ?? null;
}
