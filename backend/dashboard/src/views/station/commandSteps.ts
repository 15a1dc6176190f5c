// How far a command has come, as steps to draw. Pure.
import type { Command } from "../../api/types";
import type { Tone } from "../../ui/Status";

export type CommandStatus = Command["status"];

export interface Step {
  title: string;
  state: "done" | "current" | "ahead" | "failed";
  at: string | null;
}

export const COMMAND_STATUS_WORDS: Record<CommandStatus, string> = {
  pending: "Waiting",
  sent: "Sent",
  accepted: "Accepted",
  completed: "Completed",
  rejected: "Rejected",
  failed: "Failed",
  timed_out: "No answer",
  expired: "Expired",
  cancelled: "Cancelled",
};

/** What a state means for whoever asked. */
const COMMAND_STATUS_NOTES: Record<CommandStatus, string> = {
  pending: "It has not left us yet.",
  sent: "The station has not answered yet.",
  accepted: "The station is at it.",
  completed: "The station did it.",
  rejected: "The station refused.",
  failed: "The station could not do it.",
  timed_out: "The station did not answer in time: it may have done it.",
  expired: "It never left us: it was not done, and will not be.",
  cancelled: "It was taken back before it left us.",
};

/** What became of it, and why where the station said so: `The station refused: no session is running`. */
export function outcomeOf({ status, detail }: Pick<Command, "status" | "detail">): string {
  const note = COMMAND_STATUS_NOTES[status];
  if (detail === null) return note;
  return status === "rejected" || status === "failed" ? `${note.replace(/\.$/, "")}: ${detail}` : detail;
}

export const COMMAND_TONES: Record<CommandStatus, Tone> = {
  pending: "idle",
  sent: "warn",
  accepted: "charging",
  completed: "good",
  rejected: "bad",
  failed: "bad",
  timed_out: "bad",
  expired: "idle",
  cancelled: "idle",
};

type Course = Pick<Command, "status" | "created_at" | "sent_at" | "answered_at" | "finished_at">;

/**
 * Asked → sent → accepted → completed; what did not come to a good end stops where it ended.
 * `isWaiting`: it lies at the broker until the station is back.
 */
export function stepsOf(command: Course, isWaiting = false): Step[] {
  const { status, created_at, sent_at, answered_at, finished_at } = command;
  const asked: Step = { title: "Asked", state: "done", at: created_at };
  const sent: Step = { title: "Sent", state: "done", at: sent_at };
  const accepted: Step = { title: "Accepted", state: "done", at: answered_at };
  const end = (state: Step["state"]): Step => ({
    title: COMMAND_STATUS_WORDS[status],
    state,
    at: finished_at,
  });
  const completed: Step = { title: "Completed", state: "ahead", at: null };
  switch (status) {
    case "pending":
      return [asked, { ...sent, state: "current" }, { ...accepted, state: "ahead" }, completed];
    case "sent":
      if (isWaiting) {
        const back: Step = { title: "Station is back", state: "current", at: null };
        return [
          asked,
          { ...sent, title: "Waits for the station" },
          back,
          { ...accepted, state: "ahead" },
          completed,
        ];
      }
      return [asked, sent, { ...accepted, state: "current" }, completed];
    case "accepted":
      return [asked, sent, accepted, { ...completed, state: "current" }];
    case "completed":
      return [asked, sent, accepted, end("done")];
    case "rejected":
      return [asked, sent, end("failed")];
    case "failed":
    case "timed_out":
      // Accepted at first, and then not done.
      return answered_at !== null && answered_at !== finished_at
        ? [asked, sent, accepted, end("failed")]
        : [asked, sent, end("failed")];
    case "expired":
    case "cancelled":
      return [asked, end("failed")];
  }
}

/** It can be taken back as long as it has not left us. */
export function isCancellable(command: Course): boolean {
  return command.status === "pending";
}

/** Whether something may yet become of it. */
export function isOpen(command: Pick<Command, "finished_at">): boolean {
  return command.finished_at === null;
}
