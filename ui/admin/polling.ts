/** Asks again and again while the page is seen: soon after something changed, else less often. */

/** The shortest and the longest time between two questions, in milliseconds. */
export interface Pace {
  quick: number;
  slow: number;
}

/** For what changes by what people do. */
export const CALM: Pace = { quick: 15_000, slow: 60_000 };

/** By how much a pause grows when nothing changed. */
const BACK_OFF = 1.6;
/** What is always another, and says of nothing that it changed. */
const CLOCKS = ["now", "age_seconds", "from", "to"];

/** Returns how long to wait after an answer, in milliseconds. */
export function pauseAfter(before: number, changed: boolean, { quick, slow }: Pace): number {
  return changed ? quick : Math.min(slow, Math.max(quick, before * BACK_OFF));
}

/** Returns an answer as text that is the same as long as nothing but time went on. */
export function comparable(answer: unknown): string {
  return JSON.stringify(answer, (name, value) => (CLOCKS.includes(name) ? undefined : value));
}

/** Whether the page is seen. */
export interface Sight {
  hidden: () => boolean;
  /** Calls back when that changed, or when the network is back; returns how to end that. */
  onChange: (changed: () => void) => () => void;
}

const sightOfPage: Sight = {
  hidden: () => document.hidden,
  onChange(changed) {
    document.addEventListener("visibilitychange", changed);
    addEventListener("online", changed);
    return () => {
      document.removeEventListener("visibilitychange", changed);
      removeEventListener("online", changed);
    };
  },
};

/** What is asked, and who is told. */
export interface Question<Answer> {
  /** @param signal - Says when nobody wants the answer any more. */
  ask: (signal: AbortSignal) => Promise<Answer>;
  answered: (answer: Answer) => void;
  failed: (error: Error) => void;
  pace: Pace;
}

/** Something that is asked again and again. */
export interface Poll {
  /** Asks at once; what is under way is given up. */
  again: () => void;
  stop: () => void;
}

/** Begins to ask, at once. An error may say in `retryAfter` how many seconds to wait at least. */
export function poll<Answer>(
  { ask, answered, failed, pace }: Question<Answer>,
  sight: Sight = sightOfPage,
): Poll {
  let pause = pace.quick;
  let last: string | null = null;
  let current = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = async () => {
    clearTimeout(timer);
    current.abort();
    current = new AbortController();
    const { signal } = current;
    try {
      const answer = await ask(signal);
      if (signal.aborted) return;
      const now = comparable(answer);
      pause = pauseAfter(pause, now !== last, pace);
      last = now;
      answered(answer);
    } catch (error) {
      if (signal.aborted) return;
      const { retryAfter = 0 } = error as { retryAfter?: number };
      pause = Math.max(pauseAfter(pause, false, pace), retryAfter * 1_000);
      failed(error as Error);
    }
    if (!sight.hidden()) timer = setTimeout(again, pause);
  };
  const forget = sight.onChange(() => {
    if (sight.hidden()) clearTimeout(timer);
    else void again();
  });
  void again();
  return {
    again: () => void again(),
    stop() {
      clearTimeout(timer);
      current.abort();
      forget();
    },
  };
}
