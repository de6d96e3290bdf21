/** Keeps what is heard on this device: Opus in Ogg, written as it comes; a crash loses a second. */

import { AudioSample, AudioSampleSource, OggOutputFormat, Output, StreamTarget } from "mediabunny";
import { concatenated } from "../chain/concatenated";
import { SAMPLE_RATE } from "../chain/framing";
import { eraseSound, SOUND_BITRATE, soundPlace } from "../shared/sounds";
import { isFull } from "./room";

/** Seconds that are written at once. */
const PAGE = 1;
/** Samples that are encoded at once. */
const BATCH = SAMPLE_RATE / 10;

/** Keeps one recording's sound. Where that fails, whoever listens goes on, and is told once. */
export class SoundKeeper {
  readonly #recording: string;
  readonly #tell: (problem: string) => void;
  readonly #source = new AudioSampleSource({ codec: "opus", bitrate: SOUND_BITRATE });
  #begun: Promise<Output> | null;
  #writing: Promise<void>;
  #batch: Float32Array<ArrayBuffer>[] = [];
  #gathered = 0;
  #seconds = 0;

  /** @param tell - called with what went wrong, in a sentence for people without its end */
  constructor(recording: string, tell: (problem: string) => void) {
    this.#recording = recording;
    this.#tell = tell;
    this.#begun = this.#begin();
    this.#writing = this.#begun.then(
      () => {},
      (error) => this.#fail(error),
    );
  }

  /** Takes the next mono samples at 16 kHz. */
  push(samples: Float32Array): void {
    if (!this.#begun) return;
    // Whoever gave them may write others in their place.
    this.#batch.push(samples.slice());
    this.#gathered += samples.length;
    if (this.#gathered >= BATCH) this.#flush();
  }

  /** Waits until what was taken is on its way to the disk. */
  written(): Promise<void> {
    return this.#writing;
  }

  /**
   * Ends the sound.
   *
   * @param wanted - whether it is kept; what has no words is not
   */
  async finish(wanted: boolean): Promise<void> {
    if (this.#gathered) this.#flush();
    await this.#writing;
    try {
      await (await this.#begun)?.finalize();
    } catch (error) {
      this.#fail(error);
    }
    if (!wanted) await eraseSound(this.#recording);
  }

  async #begin(): Promise<Output> {
    const file = await (await soundPlace(this.#recording)).createSyncAccessHandle();
    file.truncate(0);
    const pages = new WritableStream<{ data: Uint8Array<ArrayBuffer>; position: number }>({
      write({ data, position }) {
        file.write(data, { at: position });
        file.flush();
      },
      close: () => file.close(),
      abort: () => file.close(),
    });
    const output = new Output({
      format: new OggOutputFormat({ maximumPageDuration: PAGE }),
      target: new StreamTarget(pages as WritableStream),
    });
    output.addAudioTrack(this.#source);
    await output.start();
    return output;
  }

  #flush(): void {
    const data = concatenated(this.#batch, Float32Array);
    const timestamp = this.#seconds;
    this.#seconds += data.length / SAMPLE_RATE;
    this.#batch = [];
    this.#gathered = 0;
    this.#writing = this.#writing.then(() => this.#encode(data, timestamp));
  }

  async #encode(data: Float32Array<ArrayBuffer>, timestamp: number): Promise<void> {
    if (!this.#begun) return;
    const sample = new AudioSample({
      data,
      format: "f32",
      numberOfChannels: 1,
      sampleRate: SAMPLE_RATE,
      timestamp,
    });
    try {
      await this.#source.add(sample);
    } catch (error) {
      this.#fail(error);
    } finally {
      sample.close();
    }
  }

  #fail(error: unknown): void {
    if (!this.#begun) return;
    this.#begun = null;
    this.#tell(
      isFull(error)
        ? "there is no room left for its sound: remove recordings"
        : `its sound cannot be kept: ${error instanceof Error ? error.message : error}`,
    );
  }
}
