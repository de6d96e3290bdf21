/** A recording's words in the forms that other programs read. */

import type { Phrase, Utterance } from "../shared/messages";
import type { Take } from "./library";
import { paragraphs, said } from "./paragraphs";
import { type Layout, subRip, webVtt } from "./subtitles";
import { joined } from "./typography";

export type TranscriptFormat = "txt" | "srt" | "vtt" | "json";

export const TRANSCRIPT_FORMATS: readonly TranscriptFormat[] = ["txt", "srt", "vtt", "json"];

const MEDIA_TYPES: Record<TranscriptFormat, string> = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};

/** Returns a recording's transcript as a file. */
export function transcriptFile(take: Take, format: TranscriptFormat, layout?: Layout): File {
  const stem = take.recording.name.replace(/\.[^.]*$/, "").replace(/[\\/:]/g, "-") || "transcript";
  return new File([written(take, format, layout)], `${stem}.${format}`, {
    type: MEDIA_TYPES[format],
  });
}

/** Writes a recording's words; utterances without an answer are left out. */
export function written(take: Take, format: TranscriptFormat, layout?: Layout): string {
  switch (format) {
    case "txt":
      return `${plainText(take)}\n`;
    case "srt":
      return subRip(phrases(take), layout);
    case "vtt":
      return webVtt(phrases(take), layout);
    case "json":
      return `${JSON.stringify(json(take), null, 2)}\n`;
  }
}

/** Returns the words alone, one paragraph to a line. */
export function plainText(take: Take): string {
  return paragraphs(take)
    .map((paragraph) => joined(said(paragraph).map(({ answer }) => answer?.text ?? "")))
    .filter(Boolean)
    .join("\n");
}

/** Returns the utterances whose words count: settled ones stand for those that they join. */
function utterancesOf(take: Take): Utterance[] {
  const whole = paragraphs(take).flatMap(said);
  return whole.filter(({ state }) => state !== "open");
}

function phrases(take: Take): Phrase[] {
  return utterancesOf(take).flatMap(({ start, end, answer }) => {
    if (!answer?.text) return [];
    return answer.phrases.length ? answer.phrases : [{ start, end, text: answer.text }];
  });
}

function json(take: Take) {
  const { recording } = take;
  return {
    name: recording.name,
    begun: new Date(recording.begun).toISOString(),
    duration: rounded(recording.seconds),
    text: plainText(take),
    segments: utterancesOf(take).map(({ start, end, answer, bytes, type, problem }) => ({
      start: rounded(start),
      end: rounded(end),
      text: answer?.text ?? null,
      language: answer?.language ?? null,
      confidence: answer?.confidence ?? null,
      phrases: answer?.phrases ?? [],
      unheard: answer?.unheard ?? [],
      picture: { bytes, type },
      ...(problem && { problem }),
    })),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}
