/** What the threads tell one another, and what is kept. Times are in seconds of a recording. */

import type { Draws, Privacy } from "../chain/disguise";
import type { Encoding } from "../chain/encoding";
import type { MelBins } from "../chain/mel";
import { clock } from "./axes";
import type { DeviceModel } from "./device-models";

export type { MelBins };
export type Task = "transcribe" | "translate";

/** Who turns pictures into words: this device always, or as long as the service is not up. */
export type Hears = "service" | "asleep" | "device";

/** What is wanted of the service and of the pictures; all but privacy is fixed for a recording. */
export interface Wishes {
  /** Name of a model; "" for whichever the service thinks best. */
  model: string;
  /** ISO 639-1 code; "" to have it detected. */
  language: string;
  task: Task;
  encoding: Encoding;
  melBins: MelBins;
  /** How much of the voice is kept back; missing in what was kept before there was that. */
  privacy?: Privacy;
  /** Names and words to expect; missing where there are none. */
  keywords?: string[];
}

/** One take of the microphone, or one file. */
export interface Recording {
  id: string;
  name: string;
  /** What somebody called it; its name stays what it is recognised by. */
  title?: string;
  kind: "microphone" | "file";
  /** When it began, in milliseconds since 1970. */
  begun: number;
  /** How much of it was heard. */
  seconds: number;
  /** What went wrong with it, in a sentence for people. */
  problem: string | null;
  /** Whether nothing more will be heard of it; missing in what was kept before there was that. */
  ended?: boolean;
  /** Whether it ended before its end, and may go on. */
  interrupted?: boolean;
  /** How long the file says that it is, in seconds. */
  total?: number | null;
  /** What the file is recognised by, with its name. */
  file?: { size: number; lastModified: number };
  /** When somebody removed it, in milliseconds since 1970: it can be taken back for a while. */
  removed?: number;
  /** Which of a file's audio tracks was chosen, from 1 on; missing where nobody chose. */
  track?: number;
  /** Whether its words stand in English beside what was said. */
  translated?: boolean;
}

/** For how long what was removed can be taken back, in milliseconds. */
export const TAKEN_BACK_WITHIN = 20_000;

/** Whether two recordings want the same of the service and of their pictures. */
export function areSame(one: Wishes, other: Wishes): boolean {
  const wanted = inOrder(other);
  return inOrder(one).every((value, place) => value === wanted[place]);
}

function inOrder(wishes: Wishes) {
  const { model, language, task, encoding, melBins, privacy = "off", keywords = [] } = wishes;
  const quality = "quality" in encoding ? encoding.quality : null;
  return [model, language, task, encoding.format, quality, melBins, privacy, keywords.join("\n")];
}

/** Returns what a recording is called. */
export function titleOf({ title, name, track }: Recording): string {
  return title || (track === undefined ? name : `${name}, track ${track}`);
}

/** Returns the name of the lock that whoever hears a recording holds until its end. */
export function hearingLock(recording: string): string {
  return `hush-hearing-${recording}`;
}

/** Says how far a file was heard, and what to do about it. */
export function heardUntil(seconds: number, total: number | null = null): string {
  const whole = total ? ` of ${clock(total)}` : "";
  return `at ${clock(seconds)}${whole}; choose the file again to go on`;
}

/** A part of a recording. */
export interface Stretch {
  start: number;
  end: number;
}

/** Some words that the model timed together. */
export interface Phrase extends Stretch {
  text: string;
}

/** One word, with the signs that belong to it. */
export interface Word extends Phrase {
  /** 0 to 1: how sure the model is; null where it does not say. */
  probability: number | null;
}

/** What the service heard in a picture; its times are those of the recording. */
export interface Answer {
  text: string;
  /** English name in lower case. */
  language: string | null;
  /** 0 to 1: the mean probability of the model's tokens; null where it said none. */
  confidence: number | null;
  phrases: Phrase[];
  /** Missing in answers kept from before, and where the service has no times of words. */
  words?: Word[];
  /** Where somebody speaks, and the model had no words; answers kept from before do not say. */
  unheard?: Stretch[];
}

/**
 * A segment that is kept: its place in its recording, its picture's particulars and its words. The
 * picture itself is kept beside it.
 */
export interface Utterance {
  id: string;
  recording: string;
  /** Place in the order of sending: milliseconds since 1970, made unique. */
  order: number;
  start: number;
  end: number;
  wishes: Wishes;
  /** Media type of the picture. */
  type: string;
  /** Size of the picture in bytes. */
  bytes: number;
  /** Lowest and highest sample of every 10 ms, -127 to 127: what the sound looked like. */
  waveform: Int8Array;
  /** Open while it is being said: what is kept is its picture so far. */
  state: "open" | "waiting" | "answered" | "refused";
  answer: Answer | null;
  /** The words as somebody mended them; what was heard stays in `answer`. */
  mended?: string;
  /** Why it was refused; of what waits, why it waits until the service is up. */
  problem: string | null;
  /**
   * When its speech ended (null in files), it was sent or this device began to hear it, and it was
   * answered: milliseconds since 1970.
   */
  spoken: number | null;
  sent: number | null;
  answered: number | null;
  /**
   * Whether its picture ever left this device; missing in what was kept before there was that,
   * which left once it was sent.
   */
  left?: boolean;
  /** What was sent of it while it was being said; missing where there was no such thing. */
  interim?: PictureSum;
  /** What its answer was heard with, which stands until it is heard with other wishes. */
  before?: Wishes;
  /** Its words in English, once somebody asked for them. */
  translation?: Translation;
  /** What was sent of it once more: to be transcribed again, or in English. */
  again?: PictureSum;
  /** Of a picture that joins several segments: where they are, in order. */
  joins?: Stretch[];
  /** Whether its picture gave way to newer ones. */
  pictureless?: boolean;
}

/** Returns an utterance with what somebody wrote; with null, as it was heard. */
export function mendedAs(utterance: Utterance, text: string | null): Utterance {
  const { mended: _, ...heard } = utterance;
  return text === null ? heard : { ...heard, mended: text };
}

/** Whether the picture of an utterance ever left this device. */
export function hasLeft({ left, sent }: Utterance): boolean {
  return left ?? sent !== null;
}

/** Words in English of what was said in another language, or why there are none. */
export interface Translation {
  text: string;
  phrases: Phrase[];
  problem: string | null;
}

/** Some pictures, and their bytes. */
export interface PictureSum {
  pictures: number;
  bytes: number;
}

/** To the listener: what to listen to, and where its pictures and frames go. */
export type ListenerOrder =
  | {
      kind: "microphone";
      task: ListeningTask;
      sampleRate: number;
      source: SharedArrayBuffer | MessagePort;
    }
  | { kind: "file"; task: ListeningTask; file: File }
  | { kind: "decoded"; channels: Float32Array[] | null }
  /** Nothing more comes for a while: what was said is to be cut. */
  | { kind: "pause" }
  /** How much of the voice is kept back of what the microphone hears from now on. */
  | { kind: "disguise"; privacy: Privacy }
  | { kind: "finish" }
  | { kind: "cancel" };

export interface ListeningTask {
  recording: Recording;
  wishes: Wishes & { privacy: Privacy };
  /** What its disguise is made of: the page's own, that is neither kept nor sent. */
  draws: Draws;
  /** Up to where its segments were sent before, if it goes on, in seconds; else 0. */
  sentUntil: number;
  /** Whether its sound is to be kept on this device. */
  keepsSound: boolean;
  outbox: MessagePort;
  painter: MessagePort;
}

/** From the listener, about the recording it listens to. */
export type ListenerReport =
  | { kind: "level"; peak: number }
  /** `total` is null where the file does not say how long it is. */
  | { kind: "progress"; seconds: number; total: number | null }
  /** What whoever listens should know of the recording. */
  | { kind: "notice"; text: string }
  /** The audio tracks of a file that has several, and which one is heard, from 1 on. */
  | { kind: "tracks"; names: string[]; heard: number }
  /** The browser cannot stream this file: it is to be decoded whole, at 16 kHz, and sent back. */
  | { kind: "decode" }
  | { kind: "ended"; seconds: number; segments: number; problem: string | null };

/** Who is to turn pictures into words from now on. */
export interface ServiceOrder {
  kind: "service";
  /** Absolute address that `v1/` is relative to. */
  address: string;
  /** That the service may ask for. */
  key: string;
  /** What somebody chose, and the how-manieth choice that was. */
  hears: Hears;
  choice: number;
  /** The model of this device that hears instead of the service; null for none. */
  device: DeviceModel | null;
}

/** To the outbox, from the page. */
export type OutboxOrder =
  | ServiceOrder
  | { kind: "listener"; port: MessagePort }
  | { kind: "wake" }
  | { kind: "retry"; utterance: string }
  /** Null takes the mending back. */
  | { kind: "mend"; utterance: string; text: string | null }
  /** "" gives it its own name again. */
  | { kind: "rename"; recording: string; title: string }
  /** It is no longer shown, and goes for good after a while. */
  | { kind: "remove"; recording: string }
  /** Takes a removal back. */
  | { kind: "restore"; recording: string }
  /** Removes it for good. */
  | { kind: "erase"; recording: string }
  /** How many bytes of pictures are kept at most; null for as many as there is room for. */
  | { kind: "room"; bytes: number | null }
  /** Hears pictures that are kept with other wishes. */
  | { kind: "again"; utterances: string[]; wishes: OtherWishes }
  /** Whether a recording's words stand in English beside what was said. */
  | { kind: "beside"; recording: string; translated: boolean }
  | TranslationOrder;

/** What can be changed when something is transcribed again. */
export type OtherWishes = Required<Pick<Wishes, "model" | "language" | "keywords">>;

/** Asks for words in English, of a model that can. */
export interface TranslationOrder {
  kind: "translate";
  utterances: string[];
  model: string;
}

/** To the outbox, from a listener; each is answered with an `OutboxReceipt`, in order. */
export type Delivery =
  | { kind: "recording"; recording: Recording }
  | { kind: "utterance"; utterance: Utterance; picture: Uint8Array<ArrayBuffer> };

/** Says that a delivery is on disk, or why it cannot be. */
export interface OutboxReceipt {
  problem: string | null;
  /** Whether it left at once, as interim pictures do or never. */
  sent?: boolean;
}

/** Why nothing is sent at present: nobody may, today's quota is spent, or something fails. */
export interface Hold {
  cause: "locked" | "quota" | "failure";
  reason: string;
}

/** From the outbox to all tabs, on the broadcast channel `CHANGES`. */
export type Change =
  | { kind: "recording"; recording: Recording }
  | { kind: "utterance"; utterance: Utterance }
  /** What the service makes of an utterance that is still being said. */
  | { kind: "interim"; utterance: string; text: string }
  | { kind: "removed"; recording: string }
  /** How many bytes of pictures may be kept, as somebody chose; null for all. */
  | { kind: "room"; bytes: number | null }
  /** Null once something got through. */
  | { kind: "held"; hold: Hold | null }
  /** Of a tab that does not send, to the one that does: try now; or what somebody asked of it. */
  | { kind: "wake" }
  | TranslationOrder
  /** What the page of any tab has found out: one tab sends for all. */
  | ServiceOrder;

export const CHANGES = "hush-changes";

/** To the painter. Frames are of 10 ms and count from the beginning of the recording. */
export type PainterOrder =
  | { kind: "canvas"; canvas: OffscreenCanvas; ratio: number; still: boolean }
  | { kind: "size"; width: number; height: number; ratio: number }
  | { kind: "still"; still: boolean }
  | { kind: "begin"; port: MessagePort; melBins: MelBins; whole: boolean };

/** To the painter, from a listener. */
export type PaintingUpdate =
  | {
      kind: "frames";
      /** Frame-major log10 power from `firstFrame` on. */
      logMel: Float32Array;
      firstFrame: number;
      decisions: Uint8Array;
      firstDecision: number;
      cuts: { start: number; end: number }[];
    }
  | { kind: "total"; frames: number }
  | { kind: "finished" };
