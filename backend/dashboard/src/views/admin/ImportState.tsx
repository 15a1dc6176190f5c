// Whether an import is through, and whether all of it could be used.
import type { Import } from "../../api/types";
import { Badge } from "../../ui/Status";

export function ImportState({ row }: { row: Import }) {
  if (row.status === "queued") return <Badge tone="charging">Being taken in</Badge>;
  if (row.rejected_count > 0) return <Badge tone="warn">Done, some not used</Badge>;
  return <Badge tone="good">Done</Badge>;
}
