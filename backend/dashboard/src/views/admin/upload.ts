// Sends a station's log. XMLHttpRequest, as only that one tells how much has gone.

import type { Login } from "../../api/login";
import { noAnswer, Problem, problemOf } from "../../api/problem";
import type { components } from "../../api/schema";

export type ImportDetail = components["schemas"]["ImportDetail"];

export interface LogFile {
  evse_uid: string;
  connector_id: number | null;
  file: File;
}

export interface Uploaded {
  found: ImportDetail;
  /** False: the same file had been taken in before. */
  isNew: boolean;
}

/** What a file's name says: its format, and whether it is packed. The server looks for itself at any other. */
export function kindOfFile(name: string): { type: string; isPacked: boolean } {
  const isPacked = /\.gz$/i.test(name);
  const plain = name.replace(/\.gz$/i, "");
  const type = /\.csv$/i.test(plain)
    ? "text/csv"
    : /\.(ndjson|jsonl)$/i.test(plain)
      ? "application/x-ndjson"
      : "application/octet-stream";
  return { type, isPacked };
}

/** `onProgress` is told the share, 0 to 1, that has gone. Throws a Problem. */
export async function upload(
  login: Login,
  log: LogFile,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Uploaded> {
  const token = await login.token();
  let response = await sent(login, log, token, onProgress, signal);
  if (response.status === 401 && token !== null)
    response = await sent(login, log, await login.renew(token), onProgress, signal);
  if (!response.ok) throw await problemOf(response);
  return { found: await response.json(), isNew: response.status === 201 };
}

function sent(
  login: Login,
  { evse_uid, connector_id, file }: LogFile,
  token: string | null,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Response> {
  const url = new URL("/api/v1/imports", login.config.apiUrl || window.location.origin);
  url.searchParams.set("evse_uid", evse_uid);
  url.searchParams.set("file_name", file.name);
  if (connector_id !== null) url.searchParams.set("connector_id", String(connector_id));
  const { type, isPacked } = kindOfFile(file.name);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Content-Type", type);
    if (isPacked) request.setRequestHeader("Content-Encoding", "gzip");
    if (token !== null) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => resolve(responseOf(request));
    request.onerror = () => reject(noAnswer(login.config.apiUrl));
    request.onabort = () => reject(new Problem(0, "Sending was stopped. Nothing is taken in."));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** With the two headers that a problem is told by. */
function responseOf(request: XMLHttpRequest): Response {
  const headers = new Headers();
  for (const name of ["Retry-After", "X-Request-ID"]) {
    const value = request.getResponseHeader(name);
    if (value !== null) headers.set(name, value);
  }
  return new Response(request.responseText, { status: request.status, headers });
}
