// A model's tokens, by the table that was exported with it. service/hush_service/engine/tokenizer.py
// does the same for the service.

import type { Task } from "../shared/messages";

/** What an export says of a model's tokens; `hush models export` writes it. */
export interface TokenTable {
  /** The bytes of each token of text, as characters U+0000 to U+00FF. */
  texts: string[];
  /** Code and English name of each language, in the order of their tokens. */
  languages: [code: string, name: string][];
  multilingual: boolean;
  end_of_text: number;
  start_of_transcript: number;
  transcribe: number;
  translate: number;
  before: number;
  no_speech: number;
  no_timestamps: number;
  first_timestamp: number;
  /** Tokens that no text holds, and those that no text begins with. */
  suppressed: number[];
  suppressed_at_start: number[];
}

/** Seconds between two timestamps. */
export const TIME_STEP = 0.02;

const PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const WITHOUT_SPACES = new Set(["zh", "ja", "th", "lo", "my", "yue"]);

/** A word, and its tokens. */
export type WordTokens = [text: string, tokens: number[]];

/** Turns tokens into text, and back. */
export class Tokens {
  readonly table: TokenTable;
  #ranks: Map<string, number> | null = null;

  constructor(table: TokenTable) {
    this.table = table;
  }

  /** Returns a language's code, by the code or by its name, as answers have it; others as they are. */
  codeOf(language: string): string {
    return this.table.languages.find((called) => called.includes(language))?.[0] ?? language;
  }

  /** Returns the tokens that a window's text follows. */
  start(language: string, task: Task): number[] {
    const { multilingual, start_of_transcript: start, languages } = this.table;
    if (!multilingual) return [start];
    const place = languages.findIndex(([code]) => code === language);
    return [start, start + 1 + place, this.table[task]];
  }

  /** Returns those of some tokens that are text. */
  text(tokens: readonly number[]): number[] {
    return tokens.filter((token) => token < this.table.end_of_text);
  }

  /** Returns the text of tokens, without times. */
  decode(tokens: readonly number[]): string {
    return new TextDecoder().decode(this.#bytes(this.text(tokens)));
  }

  /** Returns the tokens of plain text. */
  encode(text: string): number[] {
    this.#ranks ??= new Map(this.table.texts.map((bytes, token) => [bytes, token]));
    const ranks = this.#ranks;
    const rank = (bytes: string) => ranks.get(bytes) ?? Number.POSITIVE_INFINITY;
    const tokens: number[] = [];
    for (const [piece] of text.matchAll(PIECES)) {
      const parts = Array.from(new TextEncoder().encode(piece), (byte) =>
        String.fromCharCode(byte),
      );
      for (;;) {
        let best = -1;
        let lowest = Number.POSITIVE_INFINITY;
        for (let place = 0; place + 1 < parts.length; place++) {
          const found = rank(parts[place] + parts[place + 1]);
          if (found < lowest) [best, lowest] = [place, found];
        }
        if (best < 0) break;
        parts.splice(best, 2, parts[best] + parts[best + 1]);
      }
      tokens.push(...parts.map(rank));
    }
    return tokens;
  }

  /** Returns the words of a text with their tokens; punctuation marks are words of their own. */
  words(tokens: readonly number[], language: string): WordTokens[] {
    const words: WordTokens[] = [];
    let word = "";
    let held: number[] = [];
    for (const [piece, part] of this.#characters(tokens)) {
      const begins = piece.startsWith(" ") || PUNCTUATION.includes(piece.trim());
      if (held.length && (begins || WITHOUT_SPACES.has(language))) {
        words.push([word, held]);
        [word, held] = ["", []];
      }
      word += piece;
      held = [...held, ...part];
    }
    if (held.length) words.push([word, held]);
    return words;
  }

  /** The shortest runs of tokens that are whole characters. */
  *#characters(tokens: readonly number[]): Iterable<WordTokens> {
    let held: number[] = [];
    for (const token of tokens) {
      held.push(token);
      const bytes = this.#bytes(held);
      if (endsWithin(bytes)) continue;
      yield [new TextDecoder().decode(bytes), held];
      held = [];
    }
    if (held.length) yield [new TextDecoder().decode(this.#bytes(held)), held];
  }

  #bytes(tokens: readonly number[]): Uint8Array {
    const text = tokens.map((token) => this.table.texts[token]).join("");
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  }
}

/** Whether bytes are good as far as they go, and end within a character. */
function endsWithin(bytes: Uint8Array): boolean {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    decoder.decode(bytes, { stream: true });
  } catch {
    return false;
  }
  try {
    decoder.decode();
    return false;
  } catch {
    return true;
  }
}
