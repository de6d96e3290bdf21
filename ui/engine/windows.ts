// From a spectrogram to its words, window by window: what to ask a model, and what to believe.
// service/hush_service/engine/windows.py does the same for the service; its rules and their reasons
// are told there.

import { FRAMES_PER_SECOND } from "../chain/framing";
import type { Task } from "../shared/messages";
import type { Decoded, Search } from "./decoding";
import { compressionRatio, saidAgain, withoutLoops } from "./repetition";
import { TIME_STEP, type Tokens } from "./tokens";
import { type Frames, HEARINGS, reported, type Stretch, stretches } from "./unheard";
import { type Alignment, type TimedWord, timedWords } from "./word-times";

/** Frames that a model hears at once. */
export const LONGEST_WINDOW = 3_000;
const FRAMES_PER_TIMESTAMP = TIME_STEP * FRAMES_PER_SECOND;

/** Seconds: what a window has at least, of silence at its end, and of which it is a multiple. */
const SHORTEST = 15;
const SILENCE = 5;
const STEP = 2.5;

const TEMPERATURES = [0, 0.2, 0.4, 0.6, 0.8, 1];
const BEAM = 5;
const SAMPLES = 5;
const REPETITIVE = 2.4;
const FASTEST = 40;
const IMPROBABLE = -1;
const SILENT = 0.5;
const DOUBTFUL = -0.7;
const IMPOSSIBLE = -1.6;
const SUSPICIOUS = 0.35;

/** What a picture shows: floored and scaled values, a row of `frames` for each mel bin. */
export interface Spectrogram {
  melBins: number;
  frames: number;
  values: Float32Array;
}

/** What is wanted of it. */
export interface Request {
  /** ISO 639-1 code; "" to have it detected. */
  language: string;
  task: Task;
  /** Words that came before, or names to expect. */
  prompt: string;
  /** Whether every word is to have its time. */
  words: boolean;
  /** Whether it still goes on, and will be heard again. */
  interim: boolean;
}

/** A window that a model has encoded. */
export interface EncodedWindow {
  /** Returns the code of the language that is most probable. */
  language(): Promise<string>;
  /** Returns the text that follows some tokens. */
  decode(prompt: readonly number[], search: Search, stop: AbortSignal): Promise<Decoded>;
  /** Returns how a text lies in as many frames of the window. */
  align(start: readonly number[], text: readonly number[], frames: number): Promise<Alignment>;
}

/** A model that hears windows. */
export interface Model {
  readonly tokens: Tokens;
  /** Encodes a window; the one before is not asked for anything any more. */
  encode(window: Spectrogram): Promise<EncodedWindow>;
}

/** Some words that the model timed together, in seconds of the picture. */
export interface Phrase extends Stretch {
  text: string;
  tokens: number[];
  /** Of each token, 0 to 1. */
  probabilities: number[];
  avg_logprob: number;
  compression_ratio: number;
  no_speech_prob: number;
  temperature: number;
  words: TimedWord[];
}

/** What was heard, as the service's verbose JSON has it. */
export interface Transcript {
  text: string;
  language: string;
  segments: Phrase[];
  words: TimedWord[];
  unheard: Stretch[];
}

/** Returns the length of the window for so many frames. */
export function windowFrames(content: number): number {
  const step = STEP * FRAMES_PER_SECOND;
  const wanted = Math.max(SHORTEST * FRAMES_PER_SECOND, content + SILENCE * FRAMES_PER_SECOND);
  return Math.min(LONGEST_WINDOW, Math.ceil(wanted / step) * step);
}

/**
 * Returns the words of a spectrogram.
 *
 * @param speech - of each frame, whether somebody speaks
 * @param stop - gives the work up
 */
export async function transcribe(
  spectrogram: Spectrogram,
  request: Request,
  model: Model,
  speech: Frames,
  stop: AbortSignal,
): Promise<Transcript> {
  const { tokens } = model;
  const { languages, multilingual } = tokens.table;
  let first: Encoded | null = null;
  let { language } = request;
  if (!multilingual) language = "en";
  else if (!language) {
    first = await encoded(model, spectrogram, 0, spectrogram.frames);
    language = await first.window.language();
  }
  const listener = new Listener(spectrogram, request, model, language, speech, stop);
  const phrases = inOrder(await listener.hear(first), spectrogram.frames / FRAMES_PER_SECOND);
  const words = phrases.flatMap(({ words: timed }) => timed);
  return {
    text: tokens.decode(phrases.flatMap((phrase) => phrase.tokens)).trim(),
    language: languages.find(([code]) => code === language)?.[1] ?? language,
    segments: phrases,
    words: inOrder(words, spectrogram.frames / FRAMES_PER_SECOND),
    unheard: reported(speech, phrases),
  };
}

/** Where a window begins, how much of it is content, and the model's own form of it. */
interface Encoded {
  seek: number;
  content: number;
  window: EncodedWindow;
}

interface Try {
  decoded: Decoded;
  temperature: number;
  isLoop: boolean;
}

/** Hears one spectrogram from its beginning to its end. */
class Listener {
  readonly #spectrogram: Spectrogram;
  readonly #request: Request;
  readonly #model: Model;
  readonly #language: string;
  readonly #start: number[];
  readonly #speech: Frames;
  readonly #stop: AbortSignal;
  #said: number[];
  #phrases: Phrase[] = [];

  constructor(
    spectrogram: Spectrogram,
    request: Request,
    model: Model,
    language: string,
    speech: Frames,
    stop: AbortSignal,
  ) {
    this.#spectrogram = spectrogram;
    this.#request = request;
    this.#model = model;
    this.#language = language;
    this.#start = model.tokens.start(language, request.task);
    this.#speech = speech;
    this.#stop = stop;
    const prompt = request.prompt.trim();
    this.#said = prompt ? model.tokens.encode(` ${prompt}`) : [];
  }

  async hear(first: Encoded | null): Promise<Phrase[]> {
    const { frames } = this.#spectrogram;
    for (let seek = 0; seek < frames; ) {
      const window = seek || !first ? await this.#encoded(seek, frames) : first;
      const { phrases, until } = await this.#hear(window, this.#said, HEARINGS);
      this.#phrases.push(...phrases);
      // What was guessed boldly is no model for what follows.
      const bold = (phrases.at(-1)?.temperature ?? 0) > 0.5;
      this.#said = bold ? [] : [...this.#said, ...phrases.flatMap(({ tokens }) => tokens)];
      seek = until;
    }
    return this.#phrases;
  }

  #encoded(first: number, end: number): Promise<Encoded> {
    return encoded(this.#model, this.#spectrogram, first, end);
  }

  /** Returns what was said in a window, and the frame with which the next one begins. */
  async #hear(
    window: Encoded,
    said: readonly number[],
    again: number,
  ): Promise<{ phrases: Phrase[]; until: number }> {
    const { seek, content } = window;
    let best = await this.#decode(window, said);
    // Who says the same again is heard without it too; noise is not.
    if (this.#isEcho(best.decoded, said)) best = await this.#decode(window, []);
    if (isSilence(best)) {
      this.#speech.fill(0, seek, seek + content);
      return { phrases: [], until: seek + content };
    }
    if (isImpossible(best.decoded)) return { phrases: [], until: seek + content };
    const found = await this.#phrasesOf(best, seek, content);
    let phrases = withoutLoops(found.phrases, this.#model.tokens);
    if (isTooFast(phrases.map(({ text }) => text).join(""), content)) phrases = [];
    if (this.#request.words) phrases = await this.#timed(phrases, window);
    // What brought no words by itself will not bring any the next time.
    if (!this.#request.interim && again && (phrases.length || again === HEARINGS)) {
      for (const left of stretches(this.#speech, phrases, seek, seek + found.frames)) {
        phrases.push(...(await this.#missed(left.start, left.end, again - 1)));
      }
      phrases.sort((one, other) => one.start - other.start);
    }
    return { phrases, until: seek + found.frames };
  }

  /** Hears a stretch of speech again by itself. */
  async #missed(first: number, end: number, again: number): Promise<Phrase[]> {
    const found: Phrase[] = [];
    for (let seek = first; seek < end; ) {
      const { phrases, until } = await this.#hear(await this.#encoded(seek, end), [], again);
      found.push(...phrases);
      seek = until;
    }
    return found.filter(isBelievable);
  }

  /** Tries temperatures until an answer is good, or is silence; else returns the best. */
  async #decode({ window, content }: Encoded, said: readonly number[]): Promise<Try> {
    const { tokens } = this.#model;
    const room = 448 / 2 - 1;
    const before = said.length ? [tokens.table.before, ...said.slice(-room)] : [];
    const prompt = [...before, ...this.#start];
    const { interim } = this.#request;
    const search: Omit<Search, "temperature"> = { beam: interim ? 1 : BEAM, samples: SAMPLES };
    const tries: Try[] = [];
    for (const temperature of interim ? [0] : TEMPERATURES) {
      const wanted = { ...search, temperature };
      const decoded = await window.decode(prompt, wanted, this.#stop);
      const text = tokens.decode(decoded.tokens).trim();
      const isLoop =
        (await compressionRatio(text)) > REPETITIVE ||
        isTooFast(text, content) ||
        saidAgain(tokens.text(decoded.tokens)).includes(true);
      const answer = { decoded, temperature, isLoop };
      if (isSilence(answer)) return answer;
      if (!isLoop && decoded.averageLogarithm >= IMPROBABLE) return answer;
      tries.push(answer);
    }
    // None was good: the most probable one is likelier to be right than the boldest.
    return tries.reduce((one, other) => {
      if (one.isLoop !== other.isLoop) return one.isLoop ? other : one;
      return other.decoded.averageLogarithm > one.decoded.averageLogarithm ? other : one;
    });
  }

  /** Tells whether a text is nothing but a part of what the model was told before. */
  #isEcho({ tokens }: Decoded, said: readonly number[]): boolean {
    const plain = (some: readonly number[]) =>
      this.#model.tokens
        .decode(some)
        .replace(/[^\p{L}\p{N}_]+/gu, " ")
        .trim()
        .toLowerCase();
    const text = plain(tokens);
    return text !== "" && ` ${plain(said)} `.includes(` ${text} `);
  }

  /** Cuts text at its timestamps; returns it with the number of frames that it is for. */
  async #phrasesOf(
    { decoded, temperature }: Try,
    seek: number,
    content: number,
  ): Promise<{ phrases: Phrase[]; frames: number }> {
    const { tokens } = this.#model;
    const cut = cutAtTimes(decoded.tokens, tokens.table.first_timestamp, content);
    const ratio = await compressionRatio(tokens.decode(decoded.tokens).trim());
    const phrases: Phrase[] = [];
    let latest = 0;
    for (const { start, end, from, to } of cut.parts) {
      // Nothing begins before what was said already, or after the picture.
      const first = Math.min(Math.max(start * FRAMES_PER_TIMESTAMP, latest), content);
      latest = Math.min(Math.max(end * FRAMES_PER_TIMESTAMP, first), content);
      const part = decoded.tokens.slice(from, to);
      const text = tokens.decode(part);
      if (latest <= first || !hasWords(text)) continue;
      phrases.push({
        start: (seek + first) / FRAMES_PER_SECOND,
        end: (seek + latest) / FRAMES_PER_SECOND,
        text,
        tokens: part,
        probabilities: decoded.probabilities.slice(from, to),
        avg_logprob: decoded.averageLogarithm,
        compression_ratio: ratio,
        no_speech_prob: decoded.noSpeech,
        temperature,
        words: [],
      });
    }
    return { phrases, frames: cut.frames };
  }

  /** Returns phrases with the times of their words. */
  async #timed(phrases: Phrase[], { window, seek, content }: Encoded): Promise<Phrase[]> {
    const { tokens } = this.#model;
    const texts = phrases.map((phrase) => tokens.text(phrase.tokens));
    const text = texts.flat();
    if (!text.length) return phrases;
    const alignment = await window.align(this.#start, text, content);
    const probabilities = phrases.flatMap((phrase) =>
      phrase.probabilities.filter((_, at) => phrase.tokens[at] < tokens.table.end_of_text),
    );
    const until = this.#phrases.findLast(({ words }) => words.length)?.words.at(-1)?.end ?? 0;
    const words = tokens.words(text, this.#language);
    const timed = timedWords(alignment, probabilities, words, texts, phrases, seek, until);
    return phrases.map((phrase, place) => {
      const [first, last] = [timed[place][0], timed[place].at(-1)];
      if (!first || !last) return phrase;
      return { ...phrase, start: first.start, end: last.end, words: timed[place] };
    });
  }
}

/** Encodes a part of a spectrogram, with the silence that follows. */
async function encoded(
  model: Model,
  spectrogram: Spectrogram,
  first: number,
  end: number,
): Promise<Encoded> {
  const { melBins, frames, values } = spectrogram;
  const content = Math.min(LONGEST_WINDOW, end - first);
  const length = windowFrames(content);
  const window = new Float32Array(melBins * length);
  let floor = Number.POSITIVE_INFINITY;
  for (let bin = 0; bin < melBins; bin++) {
    const row = values.subarray(bin * frames + first, bin * frames + first + content);
    window.set(row, bin * length);
    for (const value of row) if (value < floor) floor = value;
  }
  for (let bin = 0; bin < melBins; bin++) {
    window.fill(floor, bin * length + content, (bin + 1) * length);
  }
  const made = await model.encode({ melBins, frames: length, values: window });
  return { seek: first, content, window: made };
}

interface Cut {
  /** Times are counted in timestamps, places in tokens. */
  parts: { start: number; end: number; from: number; to: number }[];
  frames: number;
}

/** Cuts tokens where two times follow each other; `frames` is where the next window begins. */
export function cutAtTimes(tokens: readonly number[], zero: number, content: number): Cut {
  const isTime = tokens.map((token) => token >= zero);
  const ends = isTime.flatMap((time, place) => (place && time && isTime[place - 1] ? [place] : []));
  if (!ends.length) {
    const last = tokens.findLast((token) => token >= zero) ?? zero;
    const end = last - zero || Math.floor(content / FRAMES_PER_TIMESTAMP);
    return { parts: [{ start: 0, end, from: 0, to: tokens.length }], frames: content };
  }
  const finished = isTime.length > 1 && !isTime[isTime.length - 2] && isTime[isTime.length - 1];
  if (finished) ends.push(tokens.length);
  const parts = ends.map((to, place) => {
    const from = ends[place - 1] ?? 0;
    return { start: tokens[from] - zero, end: tokens[to - 1] - zero, from, to };
  });
  if (finished) return { parts, frames: content };
  // The model was not done with what follows: the next window begins there.
  const last = (tokens[ends[ends.length - 1] - 1] - zero) * FRAMES_PER_TIMESTAMP;
  return { parts, frames: Math.min(content, last) || content };
}

/** Returns what begins and ends within so many seconds, none before the end that precedes it. */
export function inOrder<Timed extends Stretch>(times: readonly Timed[], duration: number): Timed[] {
  const within = (time: number) => Math.min(Math.max(time, 0), duration);
  let latest = 0;
  const starts = times.map(({ start }) => {
    latest = Math.max(latest, within(start));
    return latest;
  });
  return times.map((timed, place) => {
    const start = starts[place];
    const end = Math.min(Math.max(within(timed.end), start), starts[place + 1] ?? duration);
    return { ...timed, start, end };
  });
}

/** Tells whether text says anything: dots and notes alone do not. */
function hasWords(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text);
}

function isTooFast(text: string, frames: number): boolean {
  // A word or two may be cut closely.
  return [...text].length > FASTEST * Math.max(frames / FRAMES_PER_SECOND, 1);
}

function isSilence({ decoded, isLoop }: Try): boolean {
  return (isLoop || decoded.averageLogarithm <= DOUBTFUL) && decoded.noSpeech > SILENT;
}

function isImpossible({ averageLogarithm, noSpeech }: Decoded): boolean {
  const suspected = noSpeech > SUSPICIOUS && averageLogarithm < IMPROBABLE;
  return suspected || averageLogarithm <= IMPOSSIBLE;
}

function isBelievable(phrase: Phrase): boolean {
  return (
    phrase.avg_logprob > IMPROBABLE &&
    phrase.no_speech_prob < SILENT &&
    phrase.compression_ratio <= REPETITIVE
  );
}
