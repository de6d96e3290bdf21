/** One picture to the service, and its words back. */

import type { DeviceModel } from "../shared/device-models";
import type { Answer, Hears, Phrase, ServiceOrder, Stretch, Utterance } from "../shared/messages";
import { problemOf } from "../shared/problem";

/** Longest time to wait for an answer, in milliseconds: the service itself gives up after 300 s. */
export const PATIENCE = 330_000;
/** Longest time until a quota that is spent is tried again: somebody may have raised it. */
const QUOTA_WAIT = 15 * 60_000;
const DAY = 86_400_000;
/** Clocks differ. */
const SLACK = 5_000;

/** Where the service is, and whether this device hears instead. */
export type Service = Pick<ServiceOrder, "address" | "key" | "hears" | "device">;

/** Whether nobody hears: this device alone is to, and has no model. */
export function isDeaf({ hears, device }: Service): boolean {
  return hears === "device" && !device;
}

/** What became of a request. */
export type Outcome =
  | { kind: "answered"; answer: Answer }
  /** Not now: `after` is the service's own wish in milliseconds, if it had one. */
  | { kind: "later"; reason: string; after: number | null }
  /** Not before the day ends, or somebody raises the limit; `after` as above. */
  | { kind: "spent"; reason: string; after: number }
  /** Not before somebody signs in, or without another key. */
  | { kind: "locked"; reason: string }
  /** Never, as it is. */
  | { kind: "refused"; reason: string }
  /** Not on this device: it waits for the service. */
  | { kind: "beyond"; reason: string }
  /** It was given up: somebody else hears from now on. */
  | { kind: "recalled" };

/** Has whoever hears at that moment hear a picture, as `transcribe` does. */
export type Hear = (
  utterance: Utterance,
  picture: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
) => Promise<Heard>;

/** What became of it, and whether the picture left this device for that. */
export type Heard = Outcome & { leaves: boolean };

/** What hears on this device, once it did. */
let here: typeof import("./here") | null = null;
/** The model of this device that hears; null while the service does. */
let hearing: DeviceModel | null = null;

/** Says who hears from now on: other models of this device give up their memory, once they rest. */
export function hearWith({ device }: Service): void {
  hearing = device;
  here?.keepOnly(hearing);
}

/**
 * Sends one picture; that of an open utterance for interim words.
 *
 * @param picture - The file: a mel image and nothing else.
 * @param signal - Gives the request up.
 */
export async function transcribe(
  service: Service,
  utterance: Utterance,
  picture: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Promise<Outcome> {
  if (service.device) {
    here ??= await import("./here");
    const found = await here.transcribeHere(service.device, utterance, picture, signal);
    here.keepOnly(hearing);
    return found.kind === "refused" ? refusedHere(found.reason, service.hears) : found;
  }
  // Nothing is sent then, whatever became of the model.
  if (isDeaf(service)) return { kind: "later", reason: "this device has no model", after: null };
  const { model, language, task, keywords = [] } = utterance.wishes;
  const form = new FormData();
  const name = `speech.${utterance.type.replace("image/", "")}`;
  form.append("file", new Blob([picture], { type: utterance.type }), name);
  form.append("response_format", "verbose_json");
  if (model) form.append("model", model);
  if (language) form.append("language", language);
  for (const keyword of keywords) form.append("keywords[]", keyword);
  if (utterance.state === "open") form.append("interim", "true");
  // Nobody plays or mends interim words.
  else for (const unit of ["segment", "word"]) form.append("timestamp_granularities[]", unit);
  const path = `v1/audio/${task === "translate" ? "translations" : "transcriptions"}`;
  try {
    const response = await fetch(new URL(path, service.address), {
      method: "POST",
      body: form,
      headers: service.key ? { Authorization: `Bearer ${service.key}` } : {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]),
    });
    return await outcome(response, placeIn(utterance));
  } catch {
    return { kind: "later", reason: "the service cannot be reached", after: null };
  }
}

/** What this device cannot hear, the service hears, if pictures are ever sent. */
function refusedHere(reason: string, hears: Hears): Outcome {
  if (hears !== "device") return { kind: "beyond", reason };
  return { kind: "refused", reason: `${reason}: the service can be chosen in the settings` };
}

/** Tells where in its recording a second of a picture is, where something begins, or `ends`. */
type Place = (seconds: number, ends?: boolean) => number;

/** Returns what tells where in its recording a place in an utterance's picture is, in seconds. */
export function placeIn({ start, end, joins }: Utterance): Place {
  const stretches = joins ?? [{ start, end }];
  return (seconds, ends = false) => {
    let left = seconds;
    for (const stretch of stretches.slice(0, -1)) {
      const length = stretch.end - stretch.start;
      if (left < length || (ends && left === length)) return stretch.start + left;
      left -= length;
    }
    return stretches[stretches.length - 1].start + left;
  };
}

/**
 * Reads a response of the service.
 *
 * @param place - Tells where in the recording a second of the picture is.
 */
export async function outcome(response: Response, place: Place): Promise<Outcome> {
  // Interim words are for when nobody waits.
  if (response.status === 204) return { kind: "later", reason: "others wait", after: 0 };
  if (response.ok) return { kind: "answered", answer: readAnswer(await response.json(), place) };
  const { status } = response;
  const problem = await problemOf(response);
  const reason = problem?.message ?? `the service answered ${status}`;
  if (problem?.code === "quota_exceeded")
    return { kind: "spent", reason, after: quotaWait(Date.now()) };
  if (status === 401 || status === 403) return { kind: "locked", reason };
  if (status === 408 || status === 429 || status >= 500) {
    return { kind: "later", reason, after: retryAfter(response.headers.get("Retry-After")) };
  }
  return { kind: "refused", reason };
}

/** Returns the milliseconds that a Retry-After header asks for: seconds, or an HTTP date. */
export function retryAfter(header: string | null, now = Date.now()): number | null {
  if (!header) return null;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? null : Math.max(0, wait);
}

/** Returns the milliseconds until a quota is worth another try: the next day of UTC, or a while. */
export function quotaWait(now: number): number {
  return Math.min(QUOTA_WAIT, DAY - (now % DAY) + SLACK);
}

/** An answer as the service writes it. */
export interface VerboseJson {
  text: string;
  language?: string | null;
  segments?: {
    start: number;
    end: number;
    text: string;
    avg_logprob?: number;
    tokens?: number[];
  }[];
  words?: { word: string; start: number; end: number; probability?: number }[];
  unheard?: Stretch[];
}

/** Reads an answer; see `outcome`. */
export function readAnswer(body: VerboseJson, place: Place): Answer {
  const segments = body.segments ?? [];
  const phrases: Phrase[] = segments.map((segment) => ({
    start: place(segment.start),
    end: place(segment.end, true),
    text: segment.text.trim(),
  }));
  let tokens = 0;
  let logarithm = 0;
  for (const segment of segments) {
    if (segment.avg_logprob === undefined) continue;
    const weight = segment.tokens?.length || 1;
    tokens += weight;
    logarithm += weight * segment.avg_logprob;
  }
  return {
    text: body.text.trim(),
    language: body.language || null,
    confidence: tokens ? Math.exp(logarithm / tokens) : null,
    phrases,
    words: (body.words ?? []).map(({ word, start, end, probability }) => ({
      start: place(start),
      end: place(end, true),
      text: word.trim(),
      probability: probability ?? null,
    })),
    unheard: (body.unheard ?? []).map((stretch) => ({
      start: place(stretch.start),
      end: place(stretch.end, true),
    })),
  };
}
