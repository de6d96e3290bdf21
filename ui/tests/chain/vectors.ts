// The streams of tests/ui/vectors, and the kernels in both builds.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { decode } from "fast-png";
import type { CutterOptions } from "../../chain/cutter";
import type { Privacy } from "../../chain/disguise";
import type { Encoding } from "../../chain/encoding";
import { type MelImage, topDown } from "../../chain/image";
import type { MelBins } from "../../chain/mel";

const FOLDER = resolve(import.meta.dirname, "../../../tests/ui/vectors");

export type Step = Exclude<Privacy, "off">;

type Piece = [kind: string, first: number, second: number, percent?: number];

interface Expected {
  frames: number;
  /** Frames at which speech begins or ends, in turn. */
  voice_changes: number[];
  cuts: [start: number, end: number][];
}

export interface Stream {
  name: string;
  pieces: Piece[];
  cutter: Partial<CutterOptions>;
  everything_is_speech: boolean;
  pictures: boolean;
  expected: Record<MelBins, Expected>;
}

interface Vectors {
  /** What `small` means to the library. */
  small: Encoding;
  /** What the steps of privacy mean to the library. */
  strengths: Record<Step, { stretch: number; drift: number }>;
  streams: Stream[];
}

export const {
  small: SMALL,
  strengths: STRENGTHS,
  streams: STREAMS,
}: Vectors = JSON.parse(readFileSync(resolve(FOLDER, "vectors.json"), "utf-8"));

export const MEL_BINS = [80, 128] as const;

/** chain.simd.wasm and chain.wasm. */
export const BUILDS = [
  { build: "with SIMD", module: compiled("chain.simd.wasm") },
  { build: "without SIMD", module: compiled("chain.wasm") },
];

function compiled(name: string): WebAssembly.Module {
  const file = resolve(import.meta.dirname, "../../wasm/build", name);
  return new WebAssembly.Module(readFileSync(file));
}

const SPEECH = readFileSync(resolve(FOLDER, "speech.pcm"));

/** The samples of a stream, put together as tests/ui/vectors.py does it. */
export function samplesOf(stream: Stream): Float32Array {
  return Float32Array.from(stream.pieces.flatMap(pieceOf), (value) => value / 32768);
}

function pieceOf([kind, first, second, percent = 100]: Piece): number[] {
  switch (kind) {
    case "silence":
      return new Array(first).fill(0);
    case "noise":
      return randomNumbers(first).map((value) => Math.floor((value * second) / 32768));
    case "square":
      return Array.from({ length: first }, (_, i) => (i % 16 < 8 ? second : -second));
    case "speech":
      return Array.from({ length: second - first }, (_, i) =>
        Math.floor((SPEECH.readInt16LE(2 * (first + i)) * percent) / 100),
      );
    case "noisy": {
      const noise = pieceOf(["noise", second - first, percent]);
      return pieceOf(["speech", first, second]).map((value, i) => value + noise[i]);
    }
    default:
      throw new Error(`a vector has a piece of an unknown kind, ${kind}`);
  }
}

function randomNumbers(count: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 16) - 32768;
  });
}

/** Draws the numbers of a disguise as tests/ui/vectors.py does it. */
export function drawInTurn(): () => number {
  const numbers = randomNumbers(1_000);
  let place = 0;
  return () => (numbers[place++] + 32768) / 65536;
}

/** The mel image that Python made of a segment of stream `number`. */
export function imageOf(number: number, melBins: MelBins, segment: number): MelImage {
  return read(`${String(number).padStart(2, "0")}-${melBins}-${segment}.png`, melBins);
}

/** The mel image that Python made of the first segment of the first stream in a disguise. */
export function disguisedImage(step: Step, melBins: MelBins): MelImage {
  return read(`disguised/${step}-${melBins}.png`, melBins);
}

function read(name: string, melBins: MelBins): MelImage {
  const png = decode(readFileSync(resolve(FOLDER, name)));
  const upright = { melBins, frames: png.width, pixels: png.data as Uint8Array };
  const [minimum, maximum] = (png.text?.["mel-range"] ?? "").split(" ").map(Number) as [
    number,
    number,
  ];
  const image = { ...upright, minimum, maximum };
  return { ...image, pixels: topDown(image) };
}
