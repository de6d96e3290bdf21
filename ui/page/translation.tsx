/** Words in English beside those that were said. */

import { useEffect } from "preact/hooks";
import type { Utterance } from "../shared/messages";
import { isForeign } from "./languages";
import { tellOutbox } from "./library";
import { models, modelThat, translates } from "./service";
import { joined } from "./typography";

/** Answers whose translation this tab asked for. */
const asked = new Set<string>();

/** Asks for all words in English that are not there yet, while they are to be seen. */
export function useTranslations(wanted: boolean, utterances: Utterance[]): void {
  const ready = models.value;
  useEffect(() => {
    if (!wanted) return;
    const missing = utterances
      .filter(isMissing)
      .filter((utterance) => !asked.has(keyOf(utterance)));
    const byModel = Map.groupBy(missing, ({ wishes }) => modelThat(translates, wishes.model));
    for (const [model, some] of byModel) {
      if (model === null) continue;
      for (const utterance of some) asked.add(keyOf(utterance));
      tellOutbox({ kind: "translate", utterances: some.map(({ id }) => id), model });
    }
  }, [wanted, utterances, ready]);
}

/** What was transcribed again has to be translated again. */
function keyOf({ id, answered }: Utterance): string {
  return `${id} ${answered}`;
}

function isMissing(utterance: Utterance): boolean {
  const { state, translation, pictureless } = utterance;
  return state === "answered" && isForeign(utterance) && !translation && !pictureless;
}

/** A paragraph in English; nothing where it was said so. */
export function EnglishWords({ utterances }: { utterances: Utterance[] }) {
  const foreign = utterances.filter(isForeign);
  if (!foreign.length) return null;
  const missing = foreign.some(isMissing);
  const problem = foreign.find(({ translation }) => translation?.problem)?.translation?.problem;
  const text = joined(foreign.map(({ translation }) => translation?.text ?? ""));
  return (
    <span class="english" lang="en">
      <span class="visually-hidden">In English: </span>
      {text}
      {missing && (
        <span class="pending">
          <span class="visually-hidden">waiting for its words in English</span>
        </span>
      )}
      {problem && <span class="refused">Not translated: {problem}.</span>}
    </span>
  );
}
