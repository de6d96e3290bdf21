/** A recording's words in the forms that other programs read. */

import { clock } from "../shared/axes";
import { type Phrase, titleOf, type Utterance, type Word } from "../shared/messages";
import { duration } from "./figures";
import type { Take } from "./library";
import { heardPhrases, isMended, phrasesOf, textOf } from "./mended";
import { paragraphs, said } from "./paragraphs";
import { type Layout, subRip, webVtt } from "./subtitles";
import { isWord, wordsOf } from "./timed-words";
import { joined } from "./typography";

export type TranscriptFormat = "txt" | "srt" | "vtt" | "json" | "md" | "docx";

export const TRANSCRIPT_FORMATS: readonly TranscriptFormat[] = [
  "txt",
  "srt",
  "vtt",
  "json",
  "md",
  "docx",
];

const MEDIA_TYPES: Record<TranscriptFormat, string> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
  md: "text/markdown",
  docx: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
};

/** Returns a recording as if all of it had been said in English, where that was asked for. */
export function inEnglish(take: Take): Take {
  const { recording } = take;
  const utterances = paragraphs(take).map((paragraph): Utterance => {
    const parts = said(paragraph);
    const { joins, mended, ...first } = parts[0];
    const { end } = parts[parts.length - 1];
    const text = joined(parts.map((part) => part.translation?.text ?? textOf(part)));
    const phrases = parts.flatMap((part) => part.translation?.phrases ?? phrasesOf(part));
    const answer = { text, phrases, language: "english", confidence: null };
    return { ...first, end, answer: first.answer && answer };
  });
  // In files, each utterance is a paragraph.
  return { recording: { ...recording, kind: "file" }, utterances };
}

/** Returns a recording's transcript as a file. */
export async function transcriptFile(
  take: Take,
  format: TranscriptFormat,
  layout?: Layout,
  english = false,
): Promise<File> {
  const words = english ? inEnglish(take) : take;
  const name = `${stemOf(take)}${english ? ".en" : ""}.${format}`;
  const type = MEDIA_TYPES[format];
  if (format !== "docx") return new File([written(words, format, layout)], name, { type });
  const { wordDocument } = await import("./word-document");
  return new File([await wordDocument(words)], name, { type });
}

/** Returns what a recording's files are called, without what file names must not hold. */
function stemOf({ recording }: Take): string {
  const name = recording.title || recording.name.replace(/\.[^.]*$/, "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be held
  const bare = name.replace(/[\\/:*?"<>|\u0000-\u001f]/g, "-").replace(/^[. ]+|[. ]+$/g, "");
  return bare || "transcript";
}

/** Writes a recording's words; utterances without an answer are left out. */
export function written(
  take: Take,
  format: Exclude<TranscriptFormat, "docx">,
  layout?: Layout,
): string {
  switch (format) {
    case "txt":
      return `${plainText(take)}\n`;
    case "srt":
      return subRip(phrases(take), layout);
    case "vtt":
      return webVtt(phrases(take), layout);
    case "json":
      return `${JSON.stringify(json(take), null, 2)}\n`;
    case "md":
      return markdown(take);
  }
}

/** A paragraph of a transcript. */
export interface WrittenParagraph {
  /** Where it begins, in seconds. */
  start: number;
  text: string;
}

/** Returns the paragraphs that have words. */
export function writtenParagraphs(take: Take): WrittenParagraph[] {
  return paragraphs(take)
    .map((paragraph) => {
      const utterances = said(paragraph);
      return { start: utterances[0].start, text: joined(utterances.map(textOf)) };
    })
    .filter(({ text }) => text);
}

/** Returns the words alone, one paragraph to a line. */
export function plainText(take: Take): string {
  return writtenParagraphs(take)
    .map(({ text }) => text)
    .join("\n");
}

/** Says when a recording began, and how long it is. */
export function occasion({ recording, utterances }: Take): string {
  const when = new Date(recording.begun).toLocaleString("en-GB", {
    dateStyle: "long",
    timeStyle: "short",
  });
  return `${when}, ${duration(lengthOf({ recording, utterances }))}`;
}

/** Returns how much of a recording was heard, in seconds. */
export function lengthOf({ recording, utterances }: Take): number {
  return Math.max(recording.seconds, utterances.at(-1)?.end ?? 0);
}

/** Returns the utterances whose words count: settled ones stand for those that they join. */
export function utterancesOf(take: Take): Utterance[] {
  const whole = paragraphs(take).flatMap(said);
  return whole.filter(({ state }) => state !== "open");
}

function phrases(take: Take): Phrase[] {
  return utterancesOf(take).flatMap(phrasesOf);
}

function markdown(take: Take): string {
  const lines = writtenParagraphs(take).map(
    ({ start, text }) => `**${clock(start)}** ${literal(text)}`,
  );
  const title = `# ${literal(titleOf(take.recording))}`;
  return `${[title, occasion(take), ...lines].join("\n\n")}\n`;
}

/** Returns a text that Markdown shows as it is. */
function literal(text: string): string {
  return text.replace(/[\\`*_[\]<>&]/g, "\\$&");
}

function json(take: Take) {
  const { recording } = take;
  return {
    name: recording.name,
    ...(recording.title && { title: recording.title }),
    begun: new Date(recording.begun).toISOString(),
    duration: rounded(recording.seconds),
    text: plainText(take),
    segments: utterancesOf(take).map(segment),
  };
}

function segment(utterance: Utterance) {
  const { start, end, answer, translation, bytes, type, problem } = utterance;
  return {
    start: rounded(start),
    end: rounded(end),
    text: answer ? textOf(utterance) : null,
    ...(isMended(utterance) && {
      heard: { text: answer?.text ?? "", phrases: heardPhrases(utterance) },
    }),
    language: answer?.language ?? null,
    confidence: answer?.confidence ?? null,
    ...(translation && { english: translation.text }),
    phrases: isMended(utterance) ? phrasesOf(utterance) : (answer?.phrases ?? []),
    ...(answer?.words?.length && { words: wordsOf(utterance).filter(isWord).map(word) }),
    unheard: answer?.unheard ?? [],
    picture: { bytes, type },
    ...(problem && { problem }),
  };
}

function word({ text, start, end, probability }: Word) {
  return { word: text.trim(), start: rounded(start), end: rounded(end), probability };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}
