/** How figures are written for people. */

import { SAMPLE_RATE } from "../chain/framing";
import { hasLeft, type Utterance } from "../shared/messages";

/** Writes a number of bytes: 940 B, 61 kB, 1.4 MB, 2.1 GB. */
export function byteCount(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1_000).toFixed(bytes < 1e4 ? 1 : 0)} kB`;
  if (bytes < 1e9) return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`;
}

/** Says where a picture went. */
export function fateOf(utterance: Utterance): "Sent" | "Waiting" | "Stayed here" {
  if (hasLeft(utterance)) return "Sent";
  return utterance.state === "waiting" ? "Waiting" : "Stayed here";
}

/** Writes a length of time: 4.2 s, 3 min 5 s, 1 h 4 min. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

/** Writes a day where the reader is: 31 Jan 2026. */
export function day(time: string): string {
  return new Date(time).toLocaleDateString([], { dateStyle: "medium" });
}

/** Answers that the pace of words is taken from. */
const LATEST = 8;

/**
 * Returns the seconds until all words are there, at the latest pace; null without one, and where
 * all that waits waits for the service.
 */
export function wordsLeft(utterances: Utterance[]): number | null {
  const answered = utterances
    .filter((utterance) => utterance.answered !== null)
    .sort((one, other) => Number(one.answered) - Number(other.answered))
    .slice(-LATEST);
  const waiting = utterances.filter(({ state, problem }) => state === "waiting" && !problem);
  if (answered.length < 2 || !waiting.length) return null;
  let spent = 0;
  let until = 0;
  for (const utterance of answered) {
    // Time in which nothing waited for words is nobody's.
    const end = Number(utterance.answered);
    spent += end - Math.max(until, Number(utterance.sent ?? end));
    until = end;
  }
  return (spent / 1000 / seconds(answered)) * seconds(waiting);
}

function seconds(utterances: Utterance[]): number {
  return utterances.reduce((sum, { start, end }) => sum + end - start, 0);
}

/** Returns how much sound a picture shows, in seconds. */
export function pictureSeconds({ start, end, joins }: Utterance): number {
  return (joins ?? [{ start, end }]).reduce((sum, part) => sum + part.end - part.start, 0);
}

/** Returns what the same stretch would take as 16-bit sound at 16 kHz, in bytes. */
export function soundBytes(seconds: number): number {
  return Math.round(seconds * SAMPLE_RATE) * 2;
}

/** Writes a language as people know it: of an ISO 639-1 code, or an English name in lower case. */
export function languageName(language: string): string {
  if (language.length > 3) return language[0].toUpperCase() + language.slice(1);
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(language) ?? language;
  } catch {
    return language;
  }
}
