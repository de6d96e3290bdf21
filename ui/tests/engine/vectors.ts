// What the service makes of a model's answers, and the tables of tokens that an export has.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Tokens, type TokenTable } from "../../engine/tokens";
import type { Stretch } from "../../engine/unheard";

const ROOT = resolve(import.meta.dirname, "../../..");

interface Vectors {
  table: TokenTable & { size: number };
  rules: { seed: number; said: number[]; allowed: number[] }[];
  searches: { seed: number; beam: number; tokens: number[]; mean: number }[];
  tokens: {
    vocabulary: string;
    language: string;
    text: string;
    tokens: number[];
    words: [string, number[]][];
    half: string;
  }[];
  loops: { tokens: number[]; again: boolean[] }[];
  ratios: { text: string; ratio: number }[];
  alignments: {
    heads: number;
    tokens: number;
    steps: number;
    spoken: number;
    attention: number[];
    path: [number, number][];
  }[];
  word_times: {
    seek: number;
    until: number;
    path: [number, number][];
    probabilities: number[];
    phrases: Stretch[];
    texts: number[][];
    words: [string, number[]][];
    timed: { word: string; start: number; end: number; probability: number }[][];
  }[];
  hearings: {
    name: string;
    frames: number;
    speech: [number, number][];
    prompt: string;
    interim: boolean;
    answers: { tokens: number[]; mean: number; nobody: number }[];
    asked: { frames: number; prompt: number[]; temperature: number; beam: number }[];
    text: string;
    segments: { start: number; end: number; text: string; tokens: number[]; temperature: number }[];
    unheard: Stretch[];
  }[];
}

export const VECTORS: Vectors = JSON.parse(
  readFileSync(resolve(ROOT, "tests/ui/vectors/hearing.json"), "utf-8"),
);

/** The small vocabulary of rules and searches. */
export const SMALL = new Tokens({
  ...VECTORS.table,
  multilingual: false,
  languages: [],
  texts: [],
});

/** One of OpenAI's vocabularies; of the special tokens, those that the vectors want. */
export function vocabulary(name: string): Tokens {
  const file = resolve(ROOT, `service/hush_service/engine/vocabularies/${name}.tiktoken`);
  const texts: string[] = [];
  for (const line of readFileSync(file, "ascii").trim().split("\n")) {
    const [bytes, rank] = line.split(" ");
    texts[Number(rank)] = Buffer.from(bytes, "base64").toString("latin1");
  }
  const end = texts.length;
  // End, start, 99 languages, and what stands before the times.
  return new Tokens({
    texts,
    languages: [["en", "english"]],
    multilingual: name === "multilingual",
    end_of_text: end,
    start_of_transcript: end + 1,
    translate: end + 101,
    transcribe: end + 102,
    before: end + 104,
    no_speech: end + 105,
    no_timestamps: end + 106,
    first_timestamp: end + 107,
    suppressed: [],
    suppressed_at_start: [],
  });
}
