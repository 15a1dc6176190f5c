// A payload as somebody can read it: indented JSON, else text, else a hexadecimal listing.

export interface ReadablePayload {
  kind: "JSON" | "text" | "bytes";
  text: string;
  size_bytes: number;
}

export function readable(payload_base64: string): ReadablePayload {
  const payload = Uint8Array.from(atob(payload_base64), (char) => char.charCodeAt(0));
  const size_bytes = payload.length;
  const text = asText(payload);
  if (text === null) return { kind: "bytes", text: hexDump(payload), size_bytes };
  const json = asJson(text);
  return json === null ? { kind: "text", text, size_bytes } : { kind: "JSON", text: json, size_bytes };
}

/** Null when it is not UTF-8, or holds characters that no screen shows. */
function asText(payload: Uint8Array): string | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is them that are looked for
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? null : text;
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** Indented. Null when it is no JSON. */
function asJson(text: string): string | null {
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  return indented(text);
}

const TOKENS = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Valid JSON with each member on a line, its numbers and strings as the device wrote them: `1.50` stays so. */
function indented(json: string): string {
  const tokens = json.match(TOKENS) ?? [];
  let depth = 0;
  const newLine = () => `\n${"  ".repeat(depth)}`;
  return tokens
    .map((token, index) => {
      const isEmpty = /^[{[][}\]]$/.test((tokens[index - 1] ?? "") + token);
      if (token === "{" || token === "[") {
        depth += 1;
        const next = tokens[index + 1];
        return next === "}" || next === "]" ? token : token + newLine();
      }
      if (token === "}" || token === "]") {
        depth -= 1;
        return isEmpty ? token : newLine() + token;
      }
      if (token === ",") return token + newLine();
      return token === ":" ? ": " : token;
    })
    .join("");
}

const ROW_BYTES = 16;

/** `000000  7b 22 70 6f …  {"po…`, sixteen bytes a line. */
export function hexDump(payload: Uint8Array): string {
  const lines: string[] = [];
  for (let start = 0; start < payload.length; start += ROW_BYTES) {
    const row = [...payload.subarray(start, start + ROW_BYTES)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const chars = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${start.toString(16).padStart(6, "0")}  ${hex.padEnd(3 * ROW_BYTES - 1)}  ${chars}`);
  }
  return lines.join("\n");
}
