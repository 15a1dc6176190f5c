// The one thing of Node that a test uses; all of its types would let the page use them too.
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}
