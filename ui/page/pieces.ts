/** An answer as it is read: words, and marks where somebody speaks and the model had none. */

import { clock } from "../shared/axes";
import type { Answer, Stretch } from "../shared/messages";
import { joined } from "./typography";

/** Returns an answer's words and its stretches without words, in the order of the recording. */
export function pieces({ text, phrases, unheard = [] }: Answer): (string | Stretch)[] {
  const stretches = unheard.toSorted((one, other) => one.start - other.start);
  if (!stretches.length || !phrases.length) return [text, ...stretches].filter(Boolean);
  const found: (string | Stretch)[] = [];
  let from = Number.NEGATIVE_INFINITY;
  for (const stretch of [...stretches, null]) {
    const until = stretch?.start ?? Number.POSITIVE_INFINITY;
    const words = phrases
      .filter(({ start }) => start >= from && start < until)
      .map((phrase) => phrase.text);
    if (words.length) found.push(joined(words));
    if (stretch) found.push(stretch);
    from = until;
  }
  return found;
}

/** Says that nothing was heard in a stretch, with whole seconds that it lies between. */
export function withoutWords({ start, end }: Stretch): string {
  return `speech without words, ${clock(Math.floor(start))}–${clock(Math.ceil(end))}`;
}
