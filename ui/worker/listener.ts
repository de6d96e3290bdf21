/** Listens to one recording, from its first sample to its last picture. */

import { concatenated } from "../chain/concatenated";
import type { Privacy } from "../chain/disguise";
import { SAMPLE_RATE } from "../chain/framing";
import { hasSimd } from "../chain/kernels";
import {
  heardUntil,
  hearingLock,
  type ListenerOrder,
  type ListenerReport,
  type ListeningTask,
  type PaintingUpdate,
} from "../shared/messages";
import simdUrl from "../wasm/build/chain.simd.wasm?url";
import scalarUrl from "../wasm/build/chain.wasm?url";
import type { OpenFile } from "./file";
import { Hearing } from "./hearing";
import { arrivalsFrom } from "./microphone";
import type { SoundKeeper } from "./sound-keeper";

/** Samples that a file's pieces are gathered to before they are worked on. */
const BATCH = 32_768;
/** Least time between two reports, in milliseconds. */
const REPORT_EVERY = 100;
const LEVEL_EVERY = 50;
/** How often is looked for samples of the microphone, in milliseconds. */
const POLL = 10;
/** Time in which the last samples before a pause arrive, in milliseconds. */
const ON_ITS_WAY = 50;

const NOT_LOADED = "a part of this page could not be loaded; try again when the service is back";

const finishing = new AbortController();
const cancelling = new AbortController();
/** Begun at once: a listener waits ready, so that nothing is to be fetched when somebody speaks. */
const module = chainModule();
module.catch(() => {
  // Whoever listens hears of it.
});
let pause = () => {};
let disguise = () => {};
/** What was chosen since the recording began, maybe before any of it is heard. */
let chosen: Privacy | null = null;
let decoded = (_: Float32Array[] | null) => {};

self.onmessage = (event: MessageEvent<ListenerOrder>) => {
  const order = event.data;
  switch (order.kind) {
    case "microphone":
      void listen(order.task, (hearing) => hearMicrophone(hearing, order));
      break;
    case "file":
      void listen(order.task, (hearing) => hearFile(hearing, order.task, order.file));
      break;
    case "decoded":
      decoded(order.channels);
      break;
    case "pause":
      // What was said up to now may still be on its way from the audio thread.
      setTimeout(() => pause(), ON_ITS_WAY);
      break;
    case "disguise":
      chosen = order.privacy;
      // As with a pause.
      setTimeout(() => disguise(), ON_ITS_WAY);
      break;
    case "finish":
      finishing.abort();
      break;
    case "cancel":
      cancelling.abort();
      break;
  }
};

function report(message: ListenerReport): void {
  self.postMessage(message);
}

async function listen(task: ListeningTask, hear: (hearing: Hearing) => Promise<void>) {
  const work = () => listenNow(task, hear);
  await (navigator.locks?.request(hearingLock(task.recording.id), work) ?? work());
}

async function listenNow(task: ListeningTask, hear: (hearing: Hearing) => Promise<void>) {
  let hearing: Hearing | null = null;
  let problem: string | null = null;
  try {
    hearing = new Hearing(task, await module, task.keepsSound ? await keeper(task) : null);
    await hear(hearing);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  try {
    const cancelled = cancelling.signal.aborted;
    await hearing?.finish(
      problem ??
        (cancelled ? `it was cancelled ${heardUntil(hearing.reached, hearing.total)}` : null),
      cancelled,
    );
  } catch (error) {
    problem ??= error instanceof Error ? error.message : String(error);
  }
  report({
    kind: "ended",
    seconds: hearing?.seconds ?? 0,
    segments: hearing?.segments ?? 0,
    problem,
  });
}

/** Returns what keeps a recording's sound; null where that cannot be, which is said. */
async function keeper({ recording }: ListeningTask): Promise<SoundKeeper | null> {
  const tell = (text: string) => report({ kind: "notice", text });
  try {
    const { SoundKeeper } = await import("./sound-keeper");
    return new SoundKeeper(recording.id, tell);
  } catch (error) {
    tell(`its sound cannot be kept: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}

async function chainModule(): Promise<WebAssembly.Module> {
  const response = await fetch(new URL(hasSimd() ? simdUrl : scalarUrl, import.meta.url));
  if (!response.ok) throw new Error(NOT_LOADED);
  return WebAssembly.compile(await response.arrayBuffer());
}

async function hearMicrophone(
  hearing: Hearing,
  { source, sampleRate }: ListenerOrder & { kind: "microphone" },
): Promise<void> {
  let peak = 0;
  let reported = 0;
  const arrivals = arrivalsFrom(source);
  const progress = () => report({ kind: "progress", seconds: hearing.seconds, total: null });
  const take = () => {
    const samples = arrivals.take();
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
    if (samples.length) hearing.push(samples, sampleRate);
    return samples.length;
  };
  pause = () => {
    take();
    hearing.pause();
    progress();
  };
  disguise = () => {
    if (!chosen) return;
    // However late this is, what was said before is disguised as it was then.
    take();
    hearing.disguise(chosen);
  };
  disguise();
  for (let last = false; !last; ) {
    last = finishing.signal.aborted;
    if (take()) {
      await hearing.delivered();
      if (performance.now() - reported > LEVEL_EVERY) {
        report({ kind: "level", peak });
        progress();
        reported = performance.now();
        peak = 0;
      }
    }
    if (!last) await new Promise((resolve) => setTimeout(resolve, POLL));
  }
  arrivals.close();
  // Orders may still be on their way.
  pause = disguise = () => {};
}

async function hearFile(hearing: Hearing, task: ListeningTask, file: File): Promise<void> {
  // Demultiplexers are the largest part of this page: they come with the first file.
  const { openFile, NotStreamableError, UndecodableError } = await import("./file").catch(() => {
    throw new Error(NOT_LOADED);
  });
  let damage: string | null = null;
  try {
    const opened = await openFile(file, task.recording.track);
    try {
      if (opened.tracks) report({ kind: "tracks", ...opened.tracks });
      await hearStream(hearing, task, opened);
      damage = cancelling.signal.aborted ? null : opened.lost();
    } finally {
      opened.close();
    }
  } catch (error) {
    // Decoders may also fail at the first of what they said they knew.
    if (!(error instanceof NotStreamableError) && !(error instanceof UndecodableError)) throw error;
    if (hearing.seconds) throw new Error(`${error.message}; what came before is here`);
    await hearDecoded(hearing, task, error);
  }
  if (!hearing.seconds && !cancelling.signal.aborted) {
    throw new Error("there is no sound in this file");
  }
  if (damage) throw new Error(damage);
}

async function hearStream(hearing: Hearing, task: ListeningTask, file: OpenFile): Promise<void> {
  const { duration } = file;
  announce(hearing, task, duration);
  let batch: Float32Array[] = [];
  let gathered = 0;
  let batchRate = 0;
  let reported = 0;
  const flush = () => {
    if (gathered) hearing.push(concatenated(batch, Float32Array), batchRate);
    batch = [];
    gathered = 0;
  };
  try {
    for await (const { samples, rate } of file.samples) {
      if (cancelling.signal.aborted) return;
      if (rate !== batchRate) flush();
      batchRate = rate;
      batch.push(samples);
      gathered += samples.length;
      if (gathered < BATCH) continue;
      flush();
      await hearing.delivered();
      if (performance.now() - reported > REPORT_EVERY) {
        report({ kind: "progress", seconds: hearing.seconds, total: duration });
        // Decoders that answer at once would keep a wish to cancel waiting for ever.
        await new Promise((resolve) => setTimeout(resolve));
        reported = performance.now();
      }
    }
  } finally {
    flush();
  }
}

/** Hears a file that the page decodes whole, since this browser cannot stream it. */
async function hearDecoded(hearing: Hearing, task: ListeningTask, reason: Error) {
  const answer = new Promise<Float32Array[] | null>((resolve) => {
    decoded = resolve;
  });
  report({ kind: "decode" });
  const channels = await answer;
  if (!channels) throw reason;
  const { length } = channels[0];
  announce(hearing, task, length / SAMPLE_RATE);
  const { Mixer, weightsOf } = await import("./mixing");
  const mixer = new Mixer(SAMPLE_RATE, weightsOf(channels.length, false));
  for (let start = 0; start < length && !cancelling.signal.aborted; start += BATCH) {
    const planes = channels.map((channel) => channel.subarray(start, start + BATCH));
    for (const samples of mixer.push(planes)) hearing.push(samples, SAMPLE_RATE);
    await hearing.delivered();
  }
  for (const samples of mixer.finish()) hearing.push(samples, SAMPLE_RATE);
}

function announce(hearing: Hearing, task: ListeningTask, duration: number | null): void {
  hearing.total = duration;
  report({ kind: "progress", seconds: 0, total: duration });
  if (duration !== null) {
    task.painter.postMessage({
      kind: "total",
      frames: Math.ceil(duration * 100),
    } satisfies PaintingUpdate);
  }
}
