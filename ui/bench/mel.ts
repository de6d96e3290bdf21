import { HOP_LENGTH, SAMPLE_RATE } from "../chain/framing";
import { LogMelStream, type MelBins } from "../chain/mel";
import { VoiceNetwork } from "../chain/voice-network";

const SECONDS = 30;

/** What one round measures. */
export interface Case {
  /** chain.simd.wasm or chain.wasm, in base64. */
  module: string;
  melBins: MelBins;
  /** Samples in a slice. */
  slice: number;
  /** Whether the voice network is measured, on a spectrogram that is there already. */
  voice: boolean;
}

/** Milliseconds that a clip of 30 s of noise takes on this thread, the median of so many. */
export function measure({ module, melBins, slice, voice }: Case, clips: number): number {
  const samples = noise(SECONDS * SAMPLE_RATE);
  const spectrogram = new LogMelStream(compile(module), melBins).push(samples);
  const [input, length] = voice ? [spectrogram, (slice / HOP_LENGTH) * melBins] : [samples, slice];
  const times = Array.from({ length: clips }, () => {
    const stream = voice
      ? new VoiceNetwork(compile(module), melBins)
      : new LogMelStream(compile(module), melBins);
    const started = performance.now();
    for (let start = 0; start < input.length; start += length) {
      stream.push(input.subarray(start, start + length));
    }
    stream.finish();
    return performance.now() - started;
  });
  times.sort((one, other) => one - other);
  return times[clips >> 1];
}

const compiled = new Map<string, WebAssembly.Module>();

/** Compile a module once, as the page does: code gets faster while it runs. */
function compile(module: string): WebAssembly.Module {
  const bytes = Uint8Array.from(atob(module), (character) => character.charCodeAt(0));
  const known = compiled.get(module) ?? new WebAssembly.Module(bytes);
  compiled.set(module, known);
  return known;
}

function noise(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 0.3;
  });
}
