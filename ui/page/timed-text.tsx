/** The words of an utterance, each of which says where it is heard. */

import { Fragment } from "preact";
import { clock } from "../shared/axes";
import type { Stretch, Utterance } from "../shared/messages";
import { isWord, wordsOf } from "./timed-words";

/** Words that the model is less sure of are marked as doubtful. */
const DOUBTFUL = 0.5;

/**
 * An answered utterance's words, and marks where it has none.
 *
 * Each word has its start in seconds of the recording in `data-word`; whoever wants to know of
 * clicks listens for all of them at once.
 */
export function TimedText({ utterance }: { utterance: Utterance }) {
  return wordsOf(utterance).map((part, place, parts) => {
    if (isWord(part)) {
      const { text, start, probability } = part;
      const doubtful = probability !== null && probability < DOUBTFUL;
      return (
        <Fragment key={place}>
          {place > 0 && (text.startsWith(" ") || !isWord(parts[place - 1])) && " "}
          <span
            data-word={start.toFixed(2)}
            class={doubtful ? "doubtful" : undefined}
            title={doubtful ? "The model is not sure of this word" : undefined}
          >
            {text.trimStart()}
          </span>
        </Fragment>
      );
    }
    return (
      <Fragment key={place}>
        {place > 0 && " "}
        <span class="unheard">{withoutWords(part)}</span>
      </Fragment>
    );
  });
}

/** Says that nothing was heard in a stretch, with whole seconds that it lies between. */
export function withoutWords({ start, end }: Stretch): string {
  return `speech without words, ${clock(Math.floor(start))}–${clock(Math.ceil(end))}`;
}
