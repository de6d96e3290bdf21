/** From samples to pictures in the outbox, and to frames on the screen. */

import { concatenated } from "../chain/concatenated";
import type { Cut } from "../chain/cutter";
import { Disguise, type Privacy } from "../chain/disguise";
import { FRAMES_PER_SECOND, SAMPLE_RATE } from "../chain/framing";
import type { MelImage } from "../chain/image";
import { encode } from "../chain/picture";
import { Resampler } from "../chain/resample";
import { type Advance, imageOf, type Segment, SegmentStream } from "../chain/segments";
import type {
  Delivery,
  ListeningTask,
  OutboxReceipt,
  PaintingUpdate,
  PictureSum,
  Utterance,
} from "../shared/messages";
import { Envelope } from "./envelope";
import { InterimPace } from "./interim";
import { Joiner } from "./joining";

/** Seconds of speech that a recording's segments have at least: long ones suit Whisper best. */
const RECORDING_SEGMENT = 15;

/** Seconds of silence that stand for a pause of the microphone, however long it was. */
const PAUSE = 1.5;

/** A segment that was sent, for the picture that it may be joined in. */
interface Heard extends Cut {
  logMel: Float32Array;
  waveform: Int8Array;
  index: number;
}

/** What keeps the sound of a recording, as `SoundKeeper` does. */
export interface Keeper {
  push(samples: Float32Array): void;
  written(): Promise<void>;
  finish(wanted: boolean): Promise<void>;
}

/** Hears one recording: resamples, cuts, encodes, delivers. */
export class Hearing {
  readonly #task: ListeningTask;
  #wishes: ListeningTask["wishes"];
  readonly #module: WebAssembly.Module;
  readonly #stream: SegmentStream;
  readonly #keeper: Keeper | null;
  readonly #envelope = new Envelope();
  readonly #deliveries: Promise<unknown>[] = [];
  #receipts: ((receipt: OutboxReceipt) => void)[] = [];
  #resampler: { rate: number; resampler: Resampler } | null = null;
  #samples = 0;
  /** How many there were after the last pause. */
  #paused = 0;
  #order = 0;
  #announced: Promise<OutboxReceipt> | null = null;
  readonly #live: boolean;
  readonly #pace = new InterimPace();
  readonly #joiner = new Joiner<Heard>();
  /** What was sent of the segment that goes on. */
  #interim: PictureSum = { pictures: 0, bytes: 0 };
  /** How many segments were cut. */
  segments = 0;
  /** How long the recording says that it is, in seconds. */
  total: number | null = null;

  constructor(task: ListeningTask, module: WebAssembly.Module, keeper: Keeper | null = null) {
    this.#task = task;
    this.#wishes = task.wishes;
    this.#module = module;
    this.#keeper = keeper;
    this.#live = task.recording.kind === "microphone";
    this.#stream = new SegmentStream(module, {
      melBins: task.wishes.melBins,
      disguise: Disguise.drawn(task.wishes.privacy, task.draws),
      cutter: this.#live ? {} : { shortest: RECORDING_SEGMENT },
    });
    task.outbox.onmessage = (event: MessageEvent<OutboxReceipt>) =>
      this.#receipts.shift()?.(event.data);
  }

  /** Seconds heard so far. */
  get seconds(): number {
    return this.#samples / SAMPLE_RATE;
  }

  /** Seconds heard so far, or before, if the recording goes on. */
  get reached(): number {
    return Math.max(this.seconds, this.#task.recording.seconds);
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

  /** Cuts what was said up to now, by the silence that ends any segment. */
  pause(): void {
    this.#drain();
    // Who hears nothing meanwhile needs no more silence.
    if (this.#samples === this.#paused) return;
    this.#hear(new Float32Array(PAUSE * SAMPLE_RATE));
    this.#paused = this.#samples;
  }

  /** Has what is said from now on disguised otherwise: no picture shows any of what was before. */
  disguise(privacy: Privacy): void {
    if (privacy === this.#wishes.privacy) return;
    this.pause();
    this.#join(this.#joiner.finish());
    this.#wishes = { ...this.#wishes, privacy };
    this.#stream.disguise = Disguise.drawn(privacy, this.#task.draws);
  }

  /**
   * Ends the recording, and waits until all of its pictures are in the outbox.
   *
   * @param problem - why it ends before its time, if it does
   * @param interrupted - whether it may go on another time
   */
  async finish(problem: string | null = null, interrupted = false): Promise<void> {
    this.#drain();
    // Where a recording goes on another time, its last segment has to begin anew.
    if (this.#samples && !interrupted) this.#take(this.#stream.finish());
    this.#join(this.#joiner.finish());
    this.#task.painter.postMessage({ kind: "finished" } satisfies PaintingUpdate);
    // Where a picture could not be kept, the recording ends all the same, and says why.
    const lost = await this.delivered().catch((error: Error) => error);
    await this.#keeper?.finish(this.segments > 0);
    if (this.segments) {
      const why = problem ?? lost?.message ?? null;
      await this.#deliver({
        kind: "recording",
        recording: { ...this.#recording(), problem: why, ended: true, interrupted },
      });
    }
    if (lost) throw lost;
  }

  /** Waits until the outbox has all pictures so far on disk; rejects if it could not keep one. */
  async delivered(): Promise<void> {
    await Promise.all([...this.#deliveries.splice(0), this.#keeper?.written()]);
  }

  #drain(): void {
    if (this.#resampler) this.#hear(this.#resampler.resampler.finish());
    this.#resampler = null;
  }

  #hear(samples: Float32Array): void {
    if (!samples.length) return;
    this.#samples += samples.length;
    this.#keeper?.push(samples);
    this.#envelope.push(samples);
    this.#take(this.#stream.push(samples));
  }

  #take(advance: Advance): void {
    for (const segment of advance.segments) {
      this.#deliveries.push(this.#send(segment));
    }
    if (this.#live && !this.#stream.open) this.#join(this.#joiner.rest(advance.firstFrame));
    if (this.#live && this.#pace.isDue(this.#stream.open)) {
      const soFar = this.#stream.soFar();
      if (soFar) this.#deliveries.push(this.#sendSoFar(soFar));
    }
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

  async #send({ start, end, logMel, image }: Segment): Promise<void> {
    if (end / FRAMES_PER_SECOND <= this.#task.sentUntil) {
      this.segments += 1;
      return;
    }
    const since = (this.#samples / SAMPLE_RATE - end / FRAMES_PER_SECOND) * 1000;
    const utterance = this.#utterance({ start, end }, "waiting");
    if (this.#live) {
      utterance.spoken = performance.timeOrigin + performance.now() - since;
      const { waveform } = utterance;
      this.#join(this.#joiner.push({ start, end, logMel, waveform, index: this.segments }));
    }
    this.segments += 1;
    this.#interim = { pictures: 0, bytes: 0 };
    await this.#deliverPicture(utterance, image);
  }

  /** Sends segments once more as one picture, so that sentences are heard whole. */
  #join(segments: Heard[]): void {
    if (segments.length < 2) return;
    const [first] = segments;
    const last = segments[segments.length - 1];
    const utterance: Utterance = {
      ...this.#utterance({ start: first.start, end: last.end }, "waiting"),
      id: `${this.#task.recording.id}/joined ${first.index}`,
      waveform: concatenated(
        segments.map(({ waveform }) => waveform),
        Int8Array,
      ),
      joins: segments.map(({ start, end }) => ({
        start: start / FRAMES_PER_SECOND,
        end: end / FRAMES_PER_SECOND,
      })),
    };
    delete utterance.interim;
    const image = imageOf(segments, utterance.wishes.melBins, this.#stream.disguise);
    this.#deliveries.push(this.#deliverPicture(utterance, image));
  }

  /** Sends the segment that goes on, as far as it was heard. */
  async #sendSoFar({ start, end, image }: Segment): Promise<void> {
    const utterance = this.#utterance({ start, end }, "open");
    const cost = this.#interim;
    const receipt = await this.#deliverPicture(utterance, image);
    if (!receipt?.sent) return;
    cost.pictures += 1;
    cost.bytes += utterance.bytes;
  }

  #utterance({ start, end }: Cut, state: "open" | "waiting"): Utterance {
    const { recording } = this.#task;
    this.#order = Math.max(this.#order + 0.001, Date.now());
    return {
      id: `${recording.id}/${this.segments}`,
      recording: recording.id,
      order: this.#order,
      start: start / FRAMES_PER_SECOND,
      end: end / FRAMES_PER_SECOND,
      wishes: this.#wishes,
      type: "",
      bytes: 0,
      waveform: this.#envelope.slice(start, end),
      state,
      answer: null,
      problem: null,
      spoken: null,
      sent: null,
      answered: null,
      interim: this.#interim,
    };
  }

  async #deliverPicture(utterance: Utterance, image: MelImage): Promise<OutboxReceipt | null> {
    const index = this.segments;
    const { bytes, type } = await encode(image, utterance.wishes.encoding);
    utterance.bytes = bytes.length;
    utterance.type = type;
    // A recording is kept from its first words on: one without speech leaves nothing behind.
    this.#announced ??= this.#deliver({
      kind: "recording",
      recording: { ...this.#recording(), problem: null, ended: false, interrupted: false },
    });
    await this.#announced;
    // What ended meanwhile is kept as it ended.
    if (utterance.state === "open" && index !== this.segments) return null;
    return this.#deliver({ kind: "utterance", utterance, picture: bytes });
  }

  #recording() {
    return { ...this.#task.recording, seconds: this.reached, total: this.total };
  }

  async #deliver(delivery: Delivery): Promise<OutboxReceipt> {
    const receipt = new Promise<OutboxReceipt>((resolve) => this.#receipts.push(resolve));
    this.#task.outbox.postMessage(delivery);
    const received = await receipt;
    if (received.problem) throw new Error(received.problem);
    return received;
  }
}
