/** Has something done, one thing at a time, and says why it was not. */

import { useState } from "preact/hooks";

export interface Act {
  busy: boolean;
  problem: string | null;
  perform: (doing: () => Promise<unknown>) => Promise<void>;
}

export function useAct(): Act {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const perform = async (doing: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await doing();
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, perform };
}
