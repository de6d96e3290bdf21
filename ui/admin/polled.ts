/** What a component shows of something that is asked again and again. */

import { useEffect, useRef, useState } from "preact/hooks";
import { type Pace, type Poll, poll } from "./polling";

export interface Polled<Answer> {
  /** The last answer; null until there is one. */
  answer: Answer | null;
  /** Why there is none now, or none any newer. */
  problem: string | null;
  /** When the last answer came, in milliseconds of Unix time. */
  at: number | null;
  again: () => void;
  /** Shows an answer that came by another way, such as that of an act. */
  show: (answer: Answer) => void;
}

/** Asks while the component is shown; whenever `about` is another text, for something else. */
export function usePolled<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  pace: Pace,
  about = "",
): Polled<Answer> {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [at, setAt] = useState<number | null>(null);
  const running = useRef<Poll | null>(null);
  const asked = useRef(ask);
  asked.current = ask;
  const show = (told: Answer) => {
    setAnswer(told);
    setAt(Date.now());
    setProblem(null);
  };
  useEffect(() => {
    running.current = poll<Answer>({
      ask: (signal) => asked.current(signal),
      answered: show,
      failed: (error) => setProblem(error.message),
      pace,
    });
    return () => running.current?.stop();
  }, [about]);
  return { answer, problem, at, again: () => running.current?.again(), show };
}
