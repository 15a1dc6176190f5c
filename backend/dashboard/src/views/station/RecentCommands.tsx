// What a station was asked for before, by whom, and what became of it.
import type { CursorPages } from "../../api/queries";
import { Empty } from "../../ui/States";
import { Badge } from "../../ui/Status";
import { type Column, PagedTable } from "../../ui/Table";
import { Time } from "../../ui/Time";
import styles from "./Commands.module.css";
import { commandText } from "./commandKinds";
import { COMMAND_STATUS_WORDS, COMMAND_TONES, outcomeOf } from "./commandSteps";
import type { KnownCommand } from "./useCommands";

export default function RecentCommands({ pages, zone }: { pages: CursorPages<KnownCommand>; zone: string }) {
  const columns: Column<KnownCommand>[] = [
    {
      title: "Asked",
      cell: (command) => (
        <>
          <Time at={command.created_at} zone={zone} />
          <span className={styles["second"]}>by {command.requested_by}</span>
        </>
      ),
    },
    {
      title: "Command",
      cell: (command) => (
        <>
          {commandText(command)}
          {command.connector_id !== null && (
            <span className={styles["second"]}>connector {command.connector_id}</span>
          )}
        </>
      ),
    },
    {
      title: "Outcome",
      cell: (command) => (
        <>
          <Badge tone={COMMAND_TONES[command.status]}>{COMMAND_STATUS_WORDS[command.status]}</Badge>
          <span className={styles["second"]}>{outcomeOf(command)}</span>
        </>
      ),
    },
  ];
  return (
    <PagedTable
      caption="Recent commands"
      columns={columns}
      pages={pages}
      keyOf={(command) => command.id}
      empty={<Empty title="Nobody has asked this station for anything yet." />}
    />
  );
}
