// The one chain from samples to mel images, as hush/segments.py does it: spectrogram, voice
// activity, cuts, pictures. The spectrogram is computed over the whole stream; floor, scale, range
// and quantisation belong to each segment.

import { concatenated } from "./concatenated";
import { type Cut, Cutter, type CutterOptions } from "./cutter";
import { type Detector, EverythingIsSpeech, rounded } from "./detector";
import { type Disguise, evened, type Frames } from "./disguise";
import { HeldFrames } from "./held-frames";
import { type MelImage, quantize, raised } from "./image";
import { LogMelStream, type MelBins } from "./mel";
import { NetworkDetector } from "./voice-network";

/** A stretch of speech between two cuts, and its mel image. */
export interface Segment extends Cut {
  /** log10 mel power without a floor, frame after frame. */
  readonly logMel: Float32Array;
  readonly image: MelImage;
}

/** Returns the mel image of one segment, or of several joined, in a disguise if there is one. */
export function imageOf(
  segments: readonly Frames[],
  melBins: MelBins,
  disguise: Disguise | undefined,
): MelImage {
  const logMel = concatenated(
    segments.map(({ start, logMel }) => disguise?.moved(logMel, start, melBins) ?? logMel),
    Float32Array,
  );
  return quantize(raised(disguise ? evened(logMel, melBins) : logMel), melBins);
}

/** What became known by one more slice of the stream. */
export interface Advance {
  /** Place in the stream of the first frame in `logMel`. */
  readonly firstFrame: number;
  /** Number of frames in `logMel`. */
  readonly frames: number;
  /** log10 mel power without a floor, frame after frame, `melBins` values each. */
  readonly logMel: Float32Array;
  /** Place in the stream of the first frame in `decisions`. */
  readonly firstDecision: number;
  /** Voice activity that became certain: 1 for speech, 0 for none, for each frame. */
  readonly decisions: Uint8Array;
  /** The segments that ended, in order. */
  readonly segments: Segment[];
}

/** What is wanted of a stream's segments. */
export interface SegmentOptions {
  readonly melBins: MelBins;
  /** For live speech, if not given. */
  readonly cutter?: Partial<CutterOptions>;
  /** Hear no pause, for recordings that are to be sent whole. */
  readonly everythingIsSpeech?: boolean;
  /** That the pictures wear, on which neither voice activity nor cuts depend. */
  readonly disguise?: Disguise | undefined;
}

/** Turns the samples of one stream into segments as they arrive. */
export class SegmentStream {
  readonly #melBins: MelBins;
  readonly #spectrogram: LogMelStream;
  readonly #detector: Detector;
  readonly #cutter: Cutter;
  /** What the pictures of segments wear from now on, that of the open one too. */
  disguise: Disguise | undefined;
  /** The frames that a segment still to come may begin with, and all after them. */
  readonly #logMel: HeldFrames;
  /** Of the frames without a decision: the sum of each one's rounded values. */
  #undecided: number[] = [];
  #frames = 0;
  #decisions = 0;

  /**
   * @param module - chain.simd.wasm where the browser has SIMD (`hasSimd`), else chain.wasm
   * @throws RangeError if the options are no cutter's
   */
  constructor(module: WebAssembly.Module, options: SegmentOptions) {
    const { melBins } = options;
    this.#melBins = melBins;
    this.#spectrogram = new LogMelStream(module, melBins);
    this.#detector = options.everythingIsSpeech
      ? new EverythingIsSpeech(melBins)
      : new NetworkDetector(module, melBins);
    this.#cutter = new Cutter(options.cutter);
    this.disguise = options.disguise;
    this.#logMel = new HeldFrames(melBins);
  }

  /**
   * Take the next samples.
   *
   * @param samples - mono, 16 kHz, -1 to 1, finite, any number of them
   * @throws Error if the stream is finished
   */
  push(samples: Float32Array): Advance {
    return this.#advance(this.#spectrogram.push(samples), false);
  }

  /**
   * End the stream: its last frames, decisions and segments.
   *
   * @throws Error if no samples came at all, or the stream is finished already
   */
  finish(): Advance {
    return this.#advance(this.#spectrogram.finish(), true);
  }

  /** Frames of the segment that goes on; undefined between segments. */
  get open(): Cut | undefined {
    const start = this.#cutter.openedAt;
    return start === undefined ? undefined : { start, end: this.#frames };
  }

  /** The segment that goes on, as it would be if it ended here; undefined between segments. */
  soFar(): Segment | undefined {
    if (!this.open) return undefined;
    const { start, end } = this.open;
    // Decisions come after their frames, and cuts with them.
    return this.#segment({ start, end: Math.min(end, start + this.#cutter.longest) });
  }

  #segment({ start, end }: Cut): Segment {
    const logMel = this.#logMel.slice(start, end);
    const image = imageOf([{ start, logMel }], this.#melBins, this.disguise);
    return { start, end, logMel, image };
  }

  #advance(logMel: Float32Array, last: boolean): Advance {
    const firstFrame = this.#frames;
    const frames = logMel.length / this.#melBins;
    this.#frames += frames;
    this.#logMel.append(logMel);

    const steps = rounded(logMel);
    const firstDecision = this.#decisions;
    const decided = this.#detector.push(logMel);
    const decisions = last ? Uint8Array.from([...decided, ...this.#detector.finish()]) : decided;
    this.#decisions += decisions.length;

    const loudness = [...this.#undecided, ...sums(steps, this.#melBins)];
    this.#undecided = loudness.slice(decisions.length);
    const cuts = this.#cutter.push(decisions, loudness);
    if (last) cuts.push(...this.#cutter.finish());
    const segments = cuts.map((cut) => this.#segment(cut));
    this.#logMel.forgetBefore(this.#cutter.oldestNeeded);
    return { firstFrame, frames, logMel, firstDecision, decisions, segments };
  }
}

/** The sum of each frame's values: how loud it is. */
function sums(steps: Int32Array, melBins: MelBins): Int32Array {
  const totals = new Int32Array(steps.length / melBins);
  for (let i = 0; i < steps.length; i++) totals[Math.floor(i / melBins)] += steps[i];
  return totals;
}
