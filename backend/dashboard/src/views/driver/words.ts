// What a driver can ask a station for, and what will happen then.

export type Word = "start" | "stop" | "pause" | "resume";

export const WORDS: Record<Word, { title: string; effect: string }> = {
  start: {
    title: "Start charging",
    effect: "The station starts a session for you. Plug your car in before, or right after.",
  },
  stop: {
    title: "Stop charging",
    effect: "The session ends and is billed. To go on charging you start another one.",
  },
  pause: {
    title: "Pause charging",
    effect: "Your car gets no power until you resume. The session goes on, and the station stays yours.",
  },
  resume: { title: "Resume charging", effect: "Your car gets power again." },
};

export function titleOf(command: string): string {
  return command in WORDS ? WORDS[command as Word].title : command;
}
