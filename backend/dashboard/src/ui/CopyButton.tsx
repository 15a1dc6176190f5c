// Puts a text into the clipboard, and says whether it is there.
import { useState } from "react";
import { Button } from "./Button";

const WORDS = { copied: "Copied", refused: "Not allowed: mark the text and copy it" };

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [outcome, setOutcome] = useState<keyof typeof WORDS | null>(null);
  const copy = () => {
    // Browsers have a clipboard for pages on https and on localhost only, and may be told to refuse it.
    const writing = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
    writing
      .then(
        () => setOutcome("copied"),
        () => setOutcome("refused"),
      )
      .finally(() => setTimeout(() => setOutcome(null), 4000));
  };
  return (
    <Button isSmall onClick={copy}>
      <span aria-live="polite">{outcome === null ? label : WORDS[outcome]}</span>
    </Button>
  );
}
