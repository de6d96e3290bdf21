// What a model is let say: timestamps in order, nothing that nobody says; and the most probable
// text of several, as openai-whisper's whisper/decoding.py has it.

import type { Tokens } from "./tokens";

/** One window, encoded: says how probable each token is as the next one. */
export interface Decoder {
  /**
   * Adds tokens to texts.
   *
   * @param added - as many for each text
   * @param rows - which text of the call before each goes on from; null begins anew
   * @returns logits after each text's last token, text after text
   */
  step(
    added: readonly (readonly number[])[],
    rows: readonly number[] | null,
  ): Promise<Float32Array>;
}

/** A text that a model wrote. */
export interface Decoded {
  /** With timestamps, without what ends the text. */
  tokens: number[];
  /** Of each of them, 0 to 1. */
  probabilities: number[];
  /** Mean log-probability of its tokens and of its end. */
  averageLogarithm: number;
  /** Probability that nobody speaks. */
  noSpeech: number;
}

/** How a text is looked for. */
export interface Search {
  /** 0 for the most probable text, more for a random one. */
  temperature: number;
  /** Texts that are followed at once at temperature 0; 1 is greedy. */
  beam: number;
  /** Of how many texts the most probable is taken at temperatures above 0. */
  samples: number;
}

/** Tokens that a model reads and writes at most. */
export const LONGEST = 448;
/** Tokens that a text may have at most. */
const ROOM = LONGEST / 2;
/** Latest time with which a window's text may begin, in timestamps: 1 s. */
const LATEST_BEGINNING = 50;

/** A text as far as it is written. */
interface Text {
  tokens: number[];
  logarithms: number[];
  sum: number;
}

/** Thrown where the work was given up before its end. */
export class Stopped extends Error {}

/** What some drivers of graphics processors make of a model, without a word. */
const NO_NUMBERS = "what the model says are no numbers";

/**
 * Asks a window for its text.
 *
 * @param prompt - all tokens that the text follows
 * @param stop - gives the work up
 * @param random - 0 to 1, for texts that are drawn by chance
 */
export async function decode(
  window: Decoder,
  prompt: readonly number[],
  tokens: Tokens,
  { temperature, beam, samples }: Search,
  stop: AbortSignal,
  random: () => number = Math.random,
): Promise<Decoded> {
  const { table } = tokens;
  const begin = prompt.indexOf(table.start_of_transcript) + 1;
  let logits = await window.step([prompt.slice(0, begin)], null);
  const vocabulary = logits.length;
  const noSpeech = Math.exp(logits[table.no_speech] - logSum(logits, 0, vocabulary));
  if (!Number.isFinite(noSpeech)) throw new Error(NO_NUMBERS);
  if (begin < prompt.length) logits = await window.step([prompt.slice(begin)], [0]);

  const width = temperature > 0 ? samples : beam;
  const room = Math.min(ROOM, LONGEST - prompt.length);
  const finished: Text[] = [];
  let live: Text[] = [{ tokens: [], logarithms: [], sum: 0 }];
  for (let length = 0; length < room && live.length; length++) {
    if (stop.aborted) throw new Stopped();
    const rows = live.map((_, row) => logits.subarray(row * vocabulary, (row + 1) * vocabulary));
    const sums = rows.map((row, place) => {
      restrict(row, live[place].tokens, tokens);
      return logSum(row, 0, vocabulary);
    });
    const next: { text: Text; row: number }[] = [];
    for (const { row, token } of temperature > 0 ? drawn() : best()) {
      const logarithm = rows[row][token] - sums[row];
      if (!Number.isFinite(logarithm)) throw new Error(NO_NUMBERS);
      const { tokens: before, logarithms, sum } = live[row];
      const isEnd = token === table.end_of_text;
      const text = {
        tokens: isEnd ? before : [...before, token],
        logarithms: isEnd ? logarithms : [...logarithms, logarithm],
        sum: sum + logarithm,
      };
      if (isEnd) finished.push(text);
      else next.push({ text, row });
      if (next.length === width) break;
    }
    live = next.map(({ text }) => text);
    if (!live.length || finished.length >= width) break;
    if (length + 1 === room) break;
    logits = await window.step(
      live.map(({ tokens: said }) => said.slice(-1)),
      next.map(({ row }) => row),
    );

    function* best(): Iterable<{ row: number; token: number }> {
      const found = rows.flatMap((row, place) =>
        highest(row, width + 1).map((token) => ({
          row: place,
          token,
          sum: live[place].sum + row[token] - sums[place],
        })),
      );
      yield* found.sort((one, other) => other.sum - one.sum);
    }

    function* drawn(): Iterable<{ row: number; token: number }> {
      if (length === 0) {
        for (let sample = 0; sample < width; sample++) {
          yield { row: 0, token: draw(rows[0], temperature, random()) };
        }
      } else {
        for (const [row, values] of rows.entries()) {
          yield { row, token: draw(values, temperature, random()) };
        }
      }
    }
  }
  if (finished.length < width) finished.push(...live);
  const score = ({ sum, tokens: said }: Text) => sum / Math.max(1, said.length);
  const text = finished.reduce((one, other) => (score(other) > score(one) ? other : one));
  return {
    tokens: text.tokens,
    probabilities: text.logarithms.map(Math.exp),
    averageLogarithm: text.sum / (text.tokens.length + 1),
    noSpeech,
  };
}

/** Returns the code of the language that is most probable in a window. */
export async function detectLanguage(window: Decoder, { table }: Tokens): Promise<string> {
  const logits = await window.step([[table.start_of_transcript]], null);
  const of = (place: number) => logits[table.start_of_transcript + 1 + place];
  let best = 0;
  for (let place = 1; place < table.languages.length; place++) {
    if (of(place) > of(best)) best = place;
  }
  return table.languages[best][0];
}

/** Takes from what may follow a text all that must not, in place. */
export function restrict(logits: Float32Array, said: readonly number[], tokens: Tokens): void {
  const { table } = tokens;
  const { end_of_text: end, first_timestamp: zero } = table;
  const never = Number.NEGATIVE_INFINITY;
  for (const token of table.suppressed) logits[token] = never;
  if (!said.length) for (const token of table.suppressed_at_start) logits[token] = never;
  logits[table.no_timestamps] = never;
  // Times come in pairs: an end, and a beginning; only the text's own end may follow a single one.
  const afterTime = said.length >= 1 && said[said.length - 1] >= zero;
  const afterPair = said.length < 2 || said[said.length - 2] >= zero;
  if (afterTime) {
    if (afterPair) logits.fill(never, zero);
    else logits.fill(never, 0, end);
  }
  const latest = said.findLast((token) => token >= zero);
  // None goes back, and no phrase takes no time.
  if (latest !== undefined) {
    logits.fill(never, zero, afterTime && !afterPair ? latest : latest + 1);
  }
  if (!said.length) {
    logits.fill(never, 0, zero);
    logits.fill(never, zero + LATEST_BEGINNING + 1);
  }
  // Where some time is more probable than any text, it is a time.
  let text = never;
  for (let token = 0; token < zero; token++) text = Math.max(text, logits[token]);
  if (logSum(logits, zero, logits.length) > text) logits.fill(never, 0, zero);
}

/** The logarithm of the sum of the exponentials of some values. */
function logSum(values: Float32Array, first: number, end: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = first; i < end; i++) if (values[i] > most) most = values[i];
  if (most === Number.NEGATIVE_INFINITY) return most;
  let sum = 0;
  for (let i = first; i < end; i++) {
    const value = values[i] - most;
    // What is less than this adds nothing to a sum of as many.
    if (value > -40) sum += Math.exp(value);
  }
  return most + Math.log(sum);
}

/** The places of the highest of some values, the highest first. */
function highest(values: Float32Array, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (found.length === count && value <= values[found[count - 1]]) continue;
    if (value === Number.NEGATIVE_INFINITY) continue;
    let place = found.length;
    while (place > 0 && values[found[place - 1]] < value) place--;
    found.splice(place, 0, i);
    if (found.length > count) found.pop();
  }
  return found;
}

/** Draws a token by its probability at a temperature; `chance` is 0 to 1. */
function draw(logits: Float32Array, temperature: number, chance: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of logits) if (value > most) most = value;
  let left = 0;
  for (const value of logits) left += Math.exp((value - most) / temperature);
  left *= chance;
  let last = 0;
  for (let token = 0; token < logits.length; token++) {
    if (logits[token] === Number.NEGATIVE_INFINITY) continue;
    last = token;
    left -= Math.exp((logits[token] - most) / temperature);
    if (left < 0) break;
  }
  return last;
}
