// When each word was said, from how a text's tokens attend to their window.
// service/hush_service/engine/word_times.py does the same for the service; the rules that mend long
// words at pauses are those of openai-whisper's whisper/timing.py, and so is the alignment.

import { FRAMES_PER_SECOND } from "../chain/framing";
import type { WordTokens } from "./tokens";
import type { Stretch } from "./unheard";

/** (token, step) pairs of the best way through both, in order; the last token is the text's end. */
export type Alignment = [token: number, step: number][];

/** A word with its time in seconds. */
export interface TimedWord extends Stretch {
  word: string;
  probability: number;
}

const ENCODED_PER_SECOND = 50;
const LONGEST_USUAL_WORD = 0.7;
const SMOOTHED_OVER = 7;
const OPENING = "\"'“¿([{-";
const CLOSING = "\"'.。,，!！?？:：”)]}、";
const SENTENCE_ENDS = ".。!！?？";

/**
 * Returns the best way of tokens through the steps that they attend to.
 *
 * @param attention - (heads, tokens, all steps) before the softmax
 * @param first - first token that counts, and `count` of them
 * @param steps - those that hold content
 */
export function aligned(
  attention: Float32Array,
  heads: number,
  tokens: number,
  all: number,
  first: number,
  count: number,
  steps: number,
): Alignment {
  const cost = new Float64Array(count * steps);
  const weights = new Float64Array(tokens * steps);
  const row = new Float64Array(steps);
  for (let head = 0; head < heads; head++) {
    for (let token = 0; token < tokens; token++) {
      const from = (head * tokens + token) * all;
      let most = Number.NEGATIVE_INFINITY;
      for (let step = 0; step < steps; step++) most = Math.max(most, attention[from + step]);
      let sum = 0;
      for (let step = 0; step < steps; step++) {
        const weight = Math.exp(attention[from + step] - most);
        weights[token * steps + step] = weight;
        sum += weight;
      }
      for (let step = 0; step < steps; step++) weights[token * steps + step] /= sum;
    }
    for (let step = 0; step < steps; step++) {
      let mean = 0;
      for (let token = 0; token < tokens; token++) mean += weights[token * steps + step] / tokens;
      let variance = 0;
      for (let token = 0; token < tokens; token++) {
        variance += (weights[token * steps + step] - mean) ** 2 / tokens;
      }
      const deviation = Math.sqrt(variance) || 1;
      for (let token = 0; token < tokens; token++) {
        const place = token * steps + step;
        weights[place] = (weights[place] - mean) / deviation;
      }
    }
    for (let token = 0; token < count; token++) {
      const from = (first + token) * steps;
      for (let step = 0; step < steps; step++) row[step] = weights[from + step];
      for (let step = 0; step < steps; step++) {
        cost[token * steps + step] -= median(row, step) / heads;
      }
    }
  }
  return cheapestWay(cost, count, steps);
}

/** The median of the values around a place, reflected at both ends. */
function median(row: Float64Array, place: number): number {
  const half = SMOOTHED_OVER >> 1;
  if (row.length <= half) return row[place];
  const around: number[] = [];
  for (let at = place - half; at <= place + half; at++) {
    const inside = at < 0 ? -at : at >= row.length ? 2 * (row.length - 1) - at : at;
    around.push(row[inside]);
  }
  return around.sort((one, other) => one - other)[half];
}

/** Dynamic time warping: the cheapest way from the first token and step to the last ones. */
function cheapestWay(cost: Float64Array, tokens: number, steps: number): Alignment {
  const width = steps + 1;
  const sums = new Float64Array((tokens + 1) * width).fill(Number.POSITIVE_INFINITY);
  const from = new Uint8Array((tokens + 1) * width);
  sums[0] = 0;
  for (let token = 1; token <= tokens; token++) {
    for (let step = 1; step <= steps; step++) {
      const both = sums[(token - 1) * width + step - 1];
      const above = sums[(token - 1) * width + step];
      const left = sums[token * width + step - 1];
      const [least, way] =
        both < above && both < left
          ? [both, 0]
          : above < both && above < left
            ? [above, 1]
            : [left, 2];
      sums[token * width + step] = cost[(token - 1) * steps + step - 1] + least;
      from[token * width + step] = way;
    }
  }
  const path: Alignment = [];
  let token = tokens;
  let step = steps;
  while (token > 0 || step > 0) {
    path.push([token - 1, step - 1]);
    const way = token === 0 ? 2 : step === 0 ? 1 : from[token * width + step];
    if (way !== 2) token -= 1;
    if (way !== 1) step -= 1;
  }
  return path.reverse();
}

interface Timing extends Stretch {
  text: string;
  tokens: number;
  probability: number;
}

/**
 * Returns the words of each phrase of a window.
 *
 * @param probabilities - of each of its tokens of text
 * @param words - of all of its text
 * @param texts - each phrase's tokens of text
 * @param seek - first frame of the window
 * @param heardUntil - where the last word of the windows before ends, in seconds
 */
export function timedWords(
  alignment: Alignment,
  probabilities: readonly number[],
  words: readonly WordTokens[],
  texts: readonly (readonly number[])[],
  phrases: readonly Stretch[],
  seek: number,
  heardUntil: number,
): TimedWord[][] {
  const timings = timingsOf(alignment, probabilities, words);
  const durations = timings
    .map(({ start, end }) => end - start)
    .filter((duration) => duration > 0)
    .sort((one, other) => one - other);
  const middle = durations.length >> 1;
  const typical =
    durations.length % 2 ? durations[middle] : (durations[middle - 1] + durations[middle]) / 2;
  const usual = durations.length ? Math.min(LONGEST_USUAL_WORD, typical) : 0;
  shortenAtSentences(timings, 2 * usual);
  joinPunctuation(timings);
  const offset = seek / FRAMES_PER_SECOND;
  const hundredths = (seconds: number) => Math.round(seconds * 100) / 100;
  let next = 0;
  let until = heardUntil;
  return phrases.map((phrase, place) => {
    const found: TimedWord[] = [];
    for (let count = 0; count < texts[place].length && next < timings.length; next++) {
      const { text, tokens, start, end, probability } = timings[next];
      count += tokens;
      if (!text) continue;
      const times = { start: hundredths(offset + start), end: hundredths(offset + end) };
      found.push({ word: text.trim(), ...times, probability });
    }
    if (found.length) {
      mend(found, phrase, usual, until);
      until = found[found.length - 1].end;
    }
    return found;
  });
}

function timingsOf(
  alignment: Alignment,
  probabilities: readonly number[],
  words: readonly WordTokens[],
): Timing[] {
  const times: number[] = [];
  let before = -1;
  for (const [token, step] of alignment) {
    if (token !== before) times.push(step / ENCODED_PER_SECOND);
    before = token;
  }
  // The end of the text has a time of its own, after those of its tokens.
  const last = times.length - 1;
  let first = 0;
  return words.map(([text, tokens]) => {
    const end = first + tokens.length;
    const sure = probabilities.slice(first, end);
    const timing = {
      text,
      tokens: tokens.length,
      start: times[Math.min(first, last)],
      end: times[Math.min(end, last)],
      probability: sure.reduce((sum, each) => sum + each, 0) / sure.length,
    };
    first = end;
    return timing;
  });
}

/** Takes from words beside the end of a sentence the pause that they were given. */
function shortenAtSentences(timings: Timing[], longest: number): void {
  for (let place = 1; place < timings.length; place++) {
    const timing = timings[place];
    if (!(timing.end - timing.start > longest && longest > 0)) continue;
    if (SENTENCE_ENDS.includes(timing.text)) timing.end = timing.start + longest;
    else if (SENTENCE_ENDS.includes(timings[place - 1].text)) timing.start = timing.end - longest;
  }
}

/** Gives opening marks to the word after them, closing ones to the word before. */
function joinPunctuation(timings: Timing[]): void {
  let following = timings.length - 1;
  for (let place = timings.length - 2; place >= 0; place--) {
    const mark = timings[place];
    if (mark.text.startsWith(" ") && OPENING.includes(mark.text.trim())) {
      timings[following].text = mark.text + timings[following].text;
      timings[following].tokens += mark.tokens;
      [mark.text, mark.tokens] = ["", 0];
    } else following = place;
  }
  let previous = 0;
  for (let place = 1; place < timings.length; place++) {
    const mark = timings[place];
    if (!timings[previous].text.endsWith(" ") && CLOSING.includes(mark.text)) {
      timings[previous].text += mark.text;
      timings[previous].tokens += mark.tokens;
      [mark.text, mark.tokens] = ["", 0];
    } else previous = place;
  }
}

/** Takes pauses from a phrase's first and last words, and believes its own times where better. */
function mend(words: TimedWord[], phrase: Stretch, usual: number, heardUntil: number): void {
  const longest = 2 * usual;
  const [first, second] = words;
  const isLong =
    first.end - first.start > longest || (second && second.end - first.start > 2 * longest);
  if (first.end - heardUntil > 4 * usual && isLong) {
    if (second && second.end - second.start > longest) {
      const boundary = Math.max(second.end / 2, second.end - longest);
      first.end = boundary;
      second.start = boundary;
    }
    first.start = Math.max(0, first.end - longest);
  }
  if (first.start + 0.5 < phrase.start && phrase.start < first.end) {
    first.start = Math.max(0, Math.min(first.end - usual, phrase.start));
  }
  const last = words[words.length - 1];
  if (last.start < phrase.end && phrase.end < last.end - 0.5) {
    last.end = Math.max(last.start + usual, phrase.end);
  }
}
