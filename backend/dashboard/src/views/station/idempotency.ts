// A key for each request that differs: what is sent again by mistake is done once.

/** The same key for the same body, another one when the body was changed. Keep one for each dialog. */
export class KeyOfRequest {
  #body = "";
  #key = "";

  of(body: unknown): string {
    const text = JSON.stringify(body);
    if (text !== this.#body) {
      this.#body = text;
      this.#key = randomKey();
    }
    return this.#key;
  }
}

function randomKey(): string {
  // Browsers have randomUUID on https and on localhost only.
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
}
