// Text that repeats itself: what a model writes once it has lost the thread.
// service/hush_service/engine/repetition.py does the same for the service.

import type { Tokens } from "./tokens";
import type { Phrase } from "./windows";

/** How often a loop says the same; people say a word three times. */
const TIMES = 4;
/** Of how many tokens a loop is at least. */
const TOKENS = 16;
/** Tokens a second of somebody who speaks slowly. */
const SLOWEST = 2;

/** Returns UTF-8 bytes to zlib's bytes: text that repeats itself compresses well. */
export async function compressionRatio(text: string): Promise<number> {
  const bytes = new TextEncoder().encode(text);
  const compressed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return bytes.length / (await new Response(compressed).arrayBuffer()).byteLength;
}

/** Tells of each token of text whether a loop said it once more. */
export function saidAgain(tokens: readonly number[]): boolean[] {
  const again = tokens.map(() => false);
  for (let period = 1; period <= tokens.length / TIMES; period++) {
    const enough = Math.max(TIMES * period, TOKENS) - period;
    let first = period;
    for (let place = period; place <= tokens.length; place++) {
      if (place < tokens.length && tokens[place] === tokens[place - period]) continue;
      if (place - first >= enough) again.fill(true, first, place);
      first = place + 1;
    }
  }
  return again;
}

/** Returns phrases without what loops say again; what is spoken there then is in no phrase. */
export function withoutLoops(phrases: readonly Phrase[], tokens: Tokens): Phrase[] {
  const texts = phrases.map((phrase) => tokens.text(phrase.tokens));
  const again = saidAgain(texts.flat());
  if (!again.includes(true)) return [...phrases];
  let first = 0;
  return phrases.flatMap((phrase, place) => {
    const text = texts[place];
    const loops = again.slice(first, first + text.length);
    first += text.length;
    if (!loops.includes(true)) return [phrase];
    const left = text.filter((_, at) => !loops[at]);
    if (!left.length) return [];
    const isText = (token: number) => token < tokens.table.end_of_text;
    const sure = phrase.probabilities.filter((_, at) => isText(phrase.tokens[at]));
    // Nobody knows when the loop began: this is how long the rest takes at most.
    const end = loops.at(-1)
      ? Math.min(phrase.end, phrase.start + left.length / SLOWEST)
      : phrase.end;
    const probabilities = sure.filter((_, at) => !loops[at]);
    return [{ ...phrase, end, text: tokens.decode(left), tokens: left, probabilities }];
  });
}
