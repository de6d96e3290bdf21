/** Languages as models name them, and as web pages do. */

import type { Utterance } from "../shared/messages";

/** Names that models have, where Unicode has others. */
const MODELS_OWN: Record<string, string> = {
  bengali: "bn",
  maori: "mi",
  myanmar: "my",
  nynorsk: "nn",
  tagalog: "tl",
};

let codes: Map<string, string> | null = null;

/** Returns the ISO 639-1 code of a language by its English name in lower case; "" if unknown. */
export function languageCode(name: string): string {
  codes ??= new Map([...allCodes()].map((code) => [nameOf(code), code]));
  return MODELS_OWN[name] ?? codes.get(name) ?? "";
}

/** Returns the code of the language that an utterance's words are in; "" if unknown. */
export function wordsIn({ wishes, answer }: Utterance): string {
  if (wishes.task === "translate") return "en";
  return answer?.language ? languageCode(answer.language) : wishes.language;
}

/** Returns the language that was spoken, by its English name in lower case; null if unknown. */
export function spokenIn({ answer }: Utterance): string | null {
  return answer?.text ? answer.language : null;
}

/** Whether an utterance's words are in another language than English. */
export function isForeign(utterance: Utterance): boolean {
  const language = spokenIn(utterance);
  return utterance.wishes.task === "transcribe" && language !== null && language !== "english";
}

function* allCodes(): Iterable<string> {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  for (const first of letters) {
    for (const second of letters) {
      const code = first + second;
      // Some languages had another code before.
      if (Intl.getCanonicalLocales(code)[0] === code) yield code;
    }
  }
  yield* ["haw", "yue"];
}

const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });

function nameOf(code: string): string {
  return (names.of(code) ?? "").toLowerCase();
}
