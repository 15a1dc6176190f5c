// When a connector was last heard of, as far as that tells something of the station.

interface Heard {
  is_online: boolean;
  ts?: string | null;
  received_at?: string | null;
}

/**
 * An online station was heard when its last message came. Of an offline one the reading's own time counts: what came
 * later was an import or a backlog, not the station. null: never; undefined: that is not told to this reader.
 */
export function seenAt({ is_online, ts, received_at }: Heard): string | null | undefined {
  return is_online ? received_at : (ts ?? received_at);
}
