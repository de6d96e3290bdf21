/** What is being listened to: the microphone, or the first of the files that wait. */

import { computed, signal } from "@preact/signals";
import { draw, type Privacy } from "../chain/disguise";
import { SAMPLE_RATE } from "../chain/framing";
import type {
  ListenerOrder,
  ListenerReport,
  ListeningTask,
  PainterOrder,
  Recording,
} from "../shared/messages";
import captureUrl from "../worklet/capture.ts?worker&url";
import { dropped } from "./dropped";
import { recordingsOf } from "./folder";
import { newId } from "./identity";
import { leftFiles, rememberFiles } from "./left-files";
import { interruptedAs, tellOutbox } from "./library";
import {
  type Microphone,
  type MicrophoneEvent,
  NoMicrophoneError,
  openMicrophone,
  openScreen,
} from "./microphone";
import { rememberChosen } from "./playback";
import { wishes } from "./service";
import { settings } from "./settings";

/** Beyond this, in seconds, a file is announced as a long one. */
const LONG = 4 * 3_600;
/** Longest file that is decoded whole where the browser cannot stream it, in bytes. */
const DECODED_WHOLE = 200e6;
/** Time after which the next listener is made ready, in milliseconds: the page comes first. */
const READY_AFTER = 1_500;
/** Peaks that no microphone stays under for long, unless it is muted; and milliseconds of that. */
const SOUND = 1e-4;
const SILENT_AFTER = 5_000;
/** Bytes of pictures that an hour of speech makes, roughly. */
const BYTES_PER_HOUR = 18e6;

/** How far a microphone or a file has come. */
export interface Progress {
  seconds: number;
  /** Seconds in all; null if nobody knows. */
  total: number | null;
  /** Milliseconds since 1970. */
  begun: number;
}

export interface QueuedFile extends Progress {
  id: string;
  file: File;
  /** What was heard is there; a file with several tracks stays, for another of them. */
  state: "waiting" | "listening" | "heard" | "failed" | "silent";
  problem: string | null;
  /** Names of its audio tracks, if it has several, and which one is heard, from 1 on. */
  tracks?: { names: string[]; heard: number };
  /** Which of them was chosen, if one was. */
  track?: number;
  /** How much of the voice is kept out of its pictures, once it is heard. */
  privacy?: Privacy;
}

/** What the microphone does. */
export const microphone = signal<
  | { state: "off"; problem: string | null }
  | { state: "opening" }
  | ({ state: "on"; paused: boolean } & Progress)
  | { state: "finishing" }
>({ state: "off", problem: null });

/** Loudest sample lately, 0 to 1. */
export const level = signal(0);

/** Why nothing is heard though the microphone is on, in few words. */
export const trouble = signal<string | null>(null);
export const files = signal<QueuedFile[]>([]);

/** Samples that were lost, or the like, in a sentence. */
export const notice = signal<string | null>(null);

/** What this page disguises voices with until it is loaded anew. */
const draws = draw();

let painter: Worker | null = null;
let listener: { worker: Worker; file: string | null; cancelled: boolean } | null = null;
let device: Microphone | null = null;
/** The next listener, ready before it is needed: whoever speaks then needs no network. */
let spare: Worker | null = null;
setTimeout(() => {
  spare ??= newListener();
  // Without a network, it is fetched when it is needed.
  fetch(captureUrl).catch(() => {});
}, READY_AFTER);

function newListener(): Worker {
  return new Worker(new URL("../worker/listener.ts", import.meta.url), {
    type: "module",
    name: "listener",
  });
}

/** Gives the canvas to the thread that paints; does nothing where a browser cannot. */
export function attachPainter(canvas: HTMLCanvasElement, still: boolean): void {
  if (painter || !canvas.transferControlToOffscreen) return;
  painter = new Worker(new URL("../worker/painter.ts", import.meta.url), {
    type: "module",
    name: "painter",
  });
  const offscreen = canvas.transferControlToOffscreen();
  tellPainter({ kind: "canvas", canvas: offscreen, ratio: devicePixelRatio, still }, [offscreen]);
}

export function tellPainter(order: PainterOrder, transfer: Transferable[] = []): void {
  painter?.postMessage(order, transfer);
}

/** Opens the microphone and listens until `stopMicrophone`. */
export function startMicrophone(): Promise<void> {
  const chosen = settings.peek().microphone;
  return startLive("Microphone", () =>
    openMicrophone(chosen, (event) => hearMicrophone(event, "The microphone went away.")),
  );
}

/** Opens the sound of a tab or of the system, and listens until `stopMicrophone`. */
export function startScreen(): Promise<void> {
  return startLive("Tab or system", () =>
    openScreen((event) => hearMicrophone(event, "Its sound is no longer shared.")),
  );
}

async function startLive(name: string, open: () => Promise<Microphone>): Promise<void> {
  if (microphone.value.state !== "off" || listener) return;
  microphone.value = { state: "opening" };
  notice.value = null;
  try {
    device = await open();
  } catch (error) {
    const problem =
      error instanceof NoMicrophoneError ? error.message : `The microphone failed: ${error}`;
    microphone.value = { state: "off", problem };
    void listenToNextFile();
    return;
  }
  const begun = Date.now();
  const when = new Date(begun).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const { source, sampleRate } = device;
  listen(
    {
      id: newId(),
      name: `${name}, ${when}`,
      kind: "microphone",
      begun,
      seconds: 0,
      problem: null,
    },
    (task) => ({ kind: "microphone", task, source, sampleRate }),
    source instanceof MessagePort ? [source] : [],
    null,
  );
  microphone.value = { state: "on", paused: false, seconds: 0, total: null, begun };
  watchForSound();
}

/** Hears nothing until `resumeMicrophone`; what was said is cut and sent. */
export async function pauseMicrophone(): Promise<void> {
  if (microphone.value.state !== "on" || microphone.value.paused) return;
  microphone.value = { ...microphone.value, paused: true };
  level.value = 0;
  forgetTrouble();
  await device?.pause();
  listener?.worker.postMessage({ kind: "pause" } satisfies ListenerOrder);
}

/** Goes on after a pause, in the same recording. */
export async function resumeMicrophone(): Promise<void> {
  if (microphone.value.state !== "on" || !microphone.value.paused) return;
  microphone.value = { ...microphone.value, paused: false };
  watchForSound();
  await device?.resume();
}

// What is said after a disguise was chosen wears it.
computed(() => settings.value.privacy).subscribe((privacy) => {
  if (microphone.peek().state !== "on") return;
  listener?.worker.postMessage({ kind: "disguise", privacy } satisfies ListenerOrder);
});

function hearMicrophone(event: MicrophoneEvent, gone: string): void {
  switch (event.kind) {
    case "lost":
      notice.value = `${Math.ceil(event.milliseconds)} ms were lost: this device is too busy`;
      break;
    case "ended":
      notice.value = gone;
      stopMicrophone();
      break;
    case "trouble":
      blocked = event.reason;
      trouble.value = blocked;
      lastSound = performance.now();
      break;
  }
}

/** What the system or the browser does to the microphone, in few words. */
let blocked: string | null = null;
let lastSound = 0;
let silenceTimer: ReturnType<typeof setInterval> | undefined;

function watchForSound(): void {
  blocked = trouble.value = null;
  lastSound = performance.now();
  clearInterval(silenceTimer);
  silenceTimer = setInterval(() => {
    const silent = performance.now() - lastSound > SILENT_AFTER;
    trouble.value = blocked ?? (silent ? "I hear nothing" : null);
  }, 1_000);
}

function forgetTrouble(): void {
  clearInterval(silenceTimer);
  blocked = trouble.value = null;
}

/** Closes the microphone; what was said until now is still cut and sent. */
export function stopMicrophone(): void {
  if (microphone.value.state !== "on") return;
  device?.close();
  device = null;
  level.value = 0;
  forgetTrouble();
  microphone.value = { state: "finishing" };
  listener?.worker.postMessage({ kind: "finish" } satisfies ListenerOrder);
}

/** Puts files at the end of the queue. */
export function addFiles(chosen: Iterable<File>): void {
  const added = Array.from(
    chosen,
    (file): QueuedFile => ({
      id: newId(),
      file,
      state: "waiting",
      problem: null,
      seconds: 0,
      total: null,
      begun: 0,
    }),
  );
  files.value = [...files.value, ...added];
  rememberChosen(added.map(({ file }) => file));
  void listenToNextFile();
}

/** Puts what was dropped at the end of the queue: files, and the recordings in folders. */
export async function addDropped(transfer: DataTransfer): Promise<void> {
  const { files: found, empty } = await dropped(transfer);
  addFiles(found);
  if (empty.length) notice.value = `${empty.join(", ")}: holds no recordings.`;
}

/** Puts the recordings in a folder that was chosen at the end of the queue. */
export function addFolder(files: File[]): void {
  const found = recordingsOf(files);
  addFiles(found);
  const [name] = files[0]?.webkitRelativePath.split("/") ?? ["The folder"];
  if (!found.length) notice.value = `${name}: holds no recordings.`;
}

const left = leftFiles();
if (left.length) {
  notice.value = `The page was closed before these files were heard to their end: ${left.join(", ")}. Choose them again to go on.`;
}
files.subscribe((queued) =>
  rememberFiles(
    queued
      .filter(({ state }) => state === "waiting" || state === "listening")
      .map(({ file }) => file.name),
  ),
);

/** Takes a file off the queue; what was heard of it stays. */
export function removeFile(id: string): void {
  if (listener?.file === id) {
    listener.cancelled = true;
    listener.worker.postMessage({ kind: "cancel" } satisfies ListenerOrder);
  } else files.value = files.value.filter((queued) => queued.id !== id);
}

/** The file that is heard anew, by another of its tracks, once the listener has let go of it. */
let again: { id: string; track: number } | null = null;

/** Hears another track of a file, from its beginning; what was heard of the one before stays. */
export function chooseTrack(id: string, track: number): void {
  if (listener?.file === id) {
    again = { id, track };
    removeFile(id);
    return;
  }
  change(id, { state: "waiting", track, problem: null, seconds: 0, total: null });
  listenToNextFile();
}

/** Takes all files off the queue; what was heard of them stays. */
export function clearQueue(): void {
  files.value = files.value.filter(({ state }) => state === "listening");
  if (listener?.file) removeFile(listener.file);
}

function listenToNextFile(): void {
  if (listener || microphone.value.state !== "off") return;
  const next = files.value.find(({ state }) => state === "waiting");
  if (!next) return;
  const begun = Date.now();
  const { privacy } = settings.peek();
  change(next.id, { state: "listening", begun, privacy });
  notice.value = null;
  const { id, file } = next;
  const { name, size, lastModified } = file;
  const { track } = next;
  const take = interruptedAs(name, { size, lastModified }, wishes(), track);
  // Cuts are where they were: what was sent of it is not sent again.
  const whole = take?.utterances.filter(({ state }) => state !== "open") ?? [];
  const sentUntil = Math.max(0, ...whole.map(({ end }) => end));
  listen(
    take?.recording ?? {
      id,
      name,
      kind: "file",
      begun,
      seconds: 0,
      problem: null,
      file: { size, lastModified },
      ...(track !== undefined && { track }),
    },
    (task) => ({ kind: "file", task: { ...task, sentUntil }, file }),
    [],
    id,
  );
}

function listen(
  recording: Recording,
  order: (task: ListeningTask) => ListenerOrder,
  transfer: Transferable[],
  file: string | null,
): void {
  const wanted = wishes();
  const worker = spare ?? newListener();
  spare = newListener();
  listener = { worker, file, cancelled: false };
  const toOutbox = new MessageChannel();
  const toPainter = new MessageChannel();
  tellOutbox({ kind: "listener", port: toOutbox.port1 }, [toOutbox.port1]);
  tellPainter(
    { kind: "begin", port: toPainter.port1, melBins: wanted.melBins, whole: file !== null },
    [toPainter.port1],
  );
  // A file that goes on has the recording that it had; on the queue it is another.
  const heard = { ...recording, id: file ?? recording.id };
  worker.onmessage = (event: MessageEvent<ListenerReport>) => hear(event.data, heard, worker);
  worker.onerror = (event) => {
    event.preventDefault();
    ended(heard, `this page failed: ${event.message || "reload it, and try again"}`, 0);
  };
  const task = {
    recording,
    wishes: wanted,
    draws,
    sentUntil: 0,
    keepsSound: settings.peek().keepsSound,
    outbox: toOutbox.port2,
    painter: toPainter.port2,
  };
  worker.postMessage(order(task), [toOutbox.port2, toPainter.port2, ...transfer]);
}

function hear(report: ListenerReport, recording: Recording, worker: Worker): void {
  switch (report.kind) {
    case "level":
      level.value = report.peak;
      if (report.peak >= SOUND) {
        lastSound = performance.now();
        trouble.value = blocked;
      }
      break;
    case "progress":
      progress(recording, report.seconds, report.total);
      break;
    case "notice":
      notice.value = `${recording.name}: ${report.text}.`;
      break;
    case "tracks":
      change(recording.id, { tracks: { names: report.names, heard: report.heard } });
      break;
    case "decode":
      void decodeWhole(recording.id).then((channels) =>
        worker.postMessage({ kind: "decoded", channels } satisfies ListenerOrder),
      );
      break;
    case "ended":
      ended(recording, report.problem, report.segments);
      break;
  }
}

function progress({ id, kind }: Recording, seconds: number, total: number | null): void {
  if (kind === "file") {
    if (seconds === 0 && total !== null && total > LONG) {
      const size = Math.round((total / 3_600) * (BYTES_PER_HOUR / 1e6));
      notice.value = `This is a long one: ${Math.round(total / 360) / 10} hours make up to ${size} MB of pictures. They are sent as they are made; you can cancel at any time.`;
    }
    change(id, { seconds, total });
  } else if (microphone.value.state === "on") {
    microphone.value = { ...microphone.value, seconds };
  }
}

function ended({ id, kind, name }: Recording, problem: string | null, segments: number): void {
  const cancelled = listener?.cancelled ?? false;
  listener?.worker.terminate();
  listener = null;
  if (kind === "microphone") {
    device?.close();
    device = null;
    forgetTrouble();
    microphone.value = { state: "off", problem };
  } else if (again?.id === id) {
    change(id, { state: "waiting", track: again.track, seconds: 0, total: null });
    again = null;
  } else if (problem) {
    change(id, { state: "failed", problem });
  } else if (!segments && !cancelled) {
    change(id, { state: "silent", problem: `no speech found in ${name}` });
  } else if (!cancelled && files.value.find((queued) => queued.id === id)?.tracks) {
    change(id, { state: "heard" });
  } else {
    files.value = files.value.filter((queued) => queued.id !== id);
  }
  listenToNextFile();
}

function change(id: string, changes: Partial<QueuedFile>): void {
  files.value = files.value.map((queued) =>
    queued.id === id ? { ...queued, ...changes } : queued,
  );
}

/** Decodes a file the old way, for browsers without streaming decoders; null if that fails too. */
async function decodeWhole(id: string): Promise<Float32Array[] | null> {
  const file = files.value.find((queued) => queued.id === id)?.file;
  if (!file || file.size > DECODED_WHOLE) return null;
  try {
    const context = new OfflineAudioContext(1, 1, SAMPLE_RATE);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    return Array.from({ length: sound.numberOfChannels }, (_, index) =>
      sound.getChannelData(index),
    );
  } catch {
    return null;
  }
}

addEventListener("beforeunload", (event) => {
  if (microphone.value.state === "on" || listener) event.preventDefault();
});
