/** From samples to pictures in the outbox, and to frames on the screen. */

import { FRAMES_PER_SECOND, SAMPLE_RATE } from "../chain/framing";
import { encode } from "../chain/picture";
import { Resampler } from "../chain/resample";
import { type Advance, type Segment, SegmentStream } from "../chain/segments";
import type {
  Delivery,
  ListeningTask,
  OutboxReceipt,
  PaintingUpdate,
  Utterance,
} from "../shared/messages";
import { Envelope } from "./envelope";

/** Seconds of speech that a recording's segments have at least: long ones suit Whisper best. */
const RECORDING_SEGMENT = 15;

/** Hears one recording: resamples, cuts, encodes, delivers. */
export class Hearing {
  readonly #task: ListeningTask;
  readonly #module: WebAssembly.Module;
  readonly #stream: SegmentStream;
  readonly #envelope = new Envelope();
  readonly #deliveries: Promise<void>[] = [];
  #receipts: ((receipt: OutboxReceipt) => void)[] = [];
  #resampler: { rate: number; resampler: Resampler } | null = null;
  #samples = 0;
  #order = 0;
  #announced: Promise<void> | null = null;
  /** How many segments were cut. */
  segments = 0;

  constructor(task: ListeningTask, module: WebAssembly.Module) {
    this.#task = task;
    this.#module = module;
    const live = task.recording.kind === "microphone";
    this.#stream = new SegmentStream(module, {
      melBins: task.wishes.melBins,
      cutter: live ? {} : { shortest: RECORDING_SEGMENT },
    });
    task.outbox.onmessage = (event: MessageEvent<OutboxReceipt>) =>
      this.#receipts.shift()?.(event.data);
  }

  /** Seconds heard so far. */
  get seconds(): number {
    return this.#samples / SAMPLE_RATE;
  }

  /**
   * Takes the next mono samples.
   *
   * @param rate - theirs, in hertz; it may change within a recording
   */
  push(samples: Float32Array, rate: number): void {
    if (this.#resampler?.rate !== rate) {
      this.#drain();
      this.#resampler = { rate, resampler: new Resampler(this.#module, rate) };
    }
    this.#hear(this.#resampler?.resampler.push(samples) ?? samples);
  }

  /**
   * Ends the recording, and waits until all of its pictures are in the outbox.
   *
   * @param problem - why it ends before its time, if it does
   */
  async finish(problem: string | null = null): Promise<void> {
    this.#drain();
    if (this.#samples) this.#take(this.#stream.finish());
    this.#task.painter.postMessage({ kind: "finished" } satisfies PaintingUpdate);
    await this.delivered();
    if (this.segments) {
      await this.#deliver({ kind: "recording", recording: { ...this.#recording(), problem } });
    }
  }

  /** Waits until the outbox has all pictures so far on disk; rejects if it could not keep one. */
  async delivered(): Promise<void> {
    await Promise.all(this.#deliveries.splice(0));
  }

  #drain(): void {
    if (this.#resampler) this.#hear(this.#resampler.resampler.finish());
    this.#resampler = null;
  }

  #hear(samples: Float32Array): void {
    if (!samples.length) return;
    this.#samples += samples.length;
    this.#envelope.push(samples);
    this.#take(this.#stream.push(samples));
  }

  #take(advance: Advance): void {
    for (const segment of advance.segments) this.#deliveries.push(this.#send(segment));
    if (!advance.frames && !advance.decisions.length) return;
    const update: PaintingUpdate = {
      kind: "frames",
      logMel: advance.logMel,
      firstFrame: advance.firstFrame,
      decisions: advance.decisions,
      firstDecision: advance.firstDecision,
      cuts: advance.segments.map(({ start, end }) => ({ start, end })),
    };
    this.#task.painter.postMessage(update, [advance.logMel.buffer, advance.decisions.buffer]);
  }

  async #send({ start, end, image }: Segment): Promise<void> {
    const { recording, wishes } = this.#task;
    const live = recording.kind === "microphone";
    const now = performance.timeOrigin + performance.now();
    const waveform = this.#envelope.slice(start, end);
    const index = this.segments;
    this.segments += 1;
    this.#order = Math.max(this.#order + 0.001, Date.now());
    const order = this.#order;
    const since = (this.#samples / SAMPLE_RATE - end / FRAMES_PER_SECOND) * 1000;
    const { bytes, type } = await encode(image, wishes.encoding);
    const utterance: Utterance = {
      id: `${recording.id}/${index}`,
      recording: recording.id,
      order,
      start: start / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
      wishes,
      type,
      bytes: bytes.length,
      waveform,
      state: "waiting",
      answer: null,
      problem: null,
      spoken: live ? now - since : null,
      sent: null,
      answered: null,
    };
    // A recording is kept from its first segment on: one without speech leaves nothing behind.
    this.#announced ??= this.#deliver({ kind: "recording", recording: this.#recording() });
    await this.#announced;
    await this.#deliver({ kind: "utterance", utterance, picture: bytes });
  }

  #recording() {
    return { ...this.#task.recording, seconds: this.seconds };
  }

  async #deliver(delivery: Delivery): Promise<void> {
    const receipt = new Promise<OutboxReceipt>((resolve) => this.#receipts.push(resolve));
    this.#task.outbox.postMessage(delivery);
    const { problem } = await receipt;
    if (problem) throw new Error(problem);
  }
}
