// A model on ONNX Runtime, as service/hush_service/weights/onnx_graphs.py lays it out.

import type { InferenceSession, Tensor } from "onnxruntime-web";
import graphicsGlue from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url";
import glue from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import type { Runtime } from "../shared/device-models";
import { type Decoder, decode, detectLanguage, type Search } from "./decoding";
import { Tokens, type TokenTable } from "./tokens";
import type { EncodedWindow, Model, Spectrogram } from "./windows";
import { type Alignment, aligned } from "./word-times";

/** More are no faster with models of this size. */
const MOST_THREADS = 4;
/** Frames of a picture in a step that a decoder attends to. */
const FRAMES_PER_STEP = 2;

const LIBRARIES = {
  wasm: { glue, load: () => import("onnxruntime-web/wasm") },
  webgpu: { glue: graphicsGlue, load: () => import("onnxruntime-web/webgpu") },
};

/** What a model is made of, and runs on. */
export interface ModelFiles {
  runsOn: Runtime;
  runtime: ArrayBuffer;
  encoder: Uint8Array;
  decoder: Uint8Array;
  tokens: TokenTable;
}

type Library = typeof import("onnxruntime-web");
type Values = Record<string, Tensor>;

/**
 * Loads a model.
 *
 * @throws Error if memory does not suffice, or it cannot be run here
 */
export async function loadModel(files: ModelFiles): Promise<Model> {
  const { glue, load } = LIBRARIES[files.runsOn];
  const library = await load();
  const { wasm } = library.env;
  wasm.wasmBinary = files.runtime;
  wasm.wasmPaths = { mjs: new URL(glue, import.meta.url).href };
  // Threads share memory, which pages have only where they are isolated from others; and a graphics
  // processor needs one that tells it what to do.
  wasm.numThreads =
    self.crossOriginIsolated && files.runsOn === "wasm"
      ? Math.min(MOST_THREADS, navigator.hardwareConcurrency)
      : 1;
  wasm.proxy = false;
  library.env.logLevel = "error";
  const options = { executionProviders: [files.runsOn], graphOptimizationLevel: "all" } as const;
  // What the next step is given again stays where it was made.
  const place = files.runsOn === "webgpu" ? "gpu-buffer" : "cpu";
  const encoder = await library.InferenceSession.create(files.encoder, {
    ...options,
    preferredOutputLocation: place,
  });
  const kept = encoder.outputNames.map((name) => [name.replace("cross", "present"), place]);
  const decoder = await library.InferenceSession.create(files.decoder, {
    ...options,
    preferredOutputLocation: Object.fromEntries(kept),
  });
  return new OnnxModel(library, encoder, decoder, new Tokens(files.tokens));
}

class OnnxModel implements Model {
  readonly tokens: Tokens;
  readonly #library: Library;
  readonly #encoder: InferenceSession;
  readonly #decoder: InferenceSession;
  #window: OnnxWindow | null = null;

  constructor(
    library: Library,
    encoder: InferenceSession,
    decoder: InferenceSession,
    tokens: Tokens,
  ) {
    this.#library = library;
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.tokens = tokens;
  }

  async encode({ melBins, frames, values }: Spectrogram): Promise<EncodedWindow> {
    this.#window?.dispose();
    const mel = new this.#library.Tensor("float32", values, [1, melBins, frames]);
    const cross = (await this.#encoder.run({ mel })) as Values;
    this.#window = new OnnxWindow(this.#library, this.#decoder, cross, this.tokens);
    return this.#window;
  }
}

class OnnxWindow implements EncodedWindow, Decoder {
  readonly #library: Library;
  readonly #decoder: InferenceSession;
  readonly #cross: Values;
  readonly #tokens: Tokens;
  /** What the texts of the call before were. */
  #past: Values = {};
  /** All outputs but what only `align` wants. */
  readonly #wanted: string[];

  constructor(library: Library, decoder: InferenceSession, cross: Values, tokens: Tokens) {
    this.#library = library;
    this.#decoder = decoder;
    this.#cross = cross;
    this.#tokens = tokens;
    this.#wanted = decoder.outputNames.filter((name) => name !== "attention");
  }

  language(): Promise<string> {
    return detectLanguage(this, this.#tokens);
  }

  decode(prompt: readonly number[], search: Search, stop: AbortSignal) {
    return decode(this, prompt, this.#tokens, search, stop);
  }

  async step(added: readonly (readonly number[])[], rows: readonly number[] | null) {
    const past = rows ? this.#past : this.#nothing();
    const out = await this.#run(added, rows ?? [0], past, this.#wanted);
    const { logits, ...present } = out;
    dispose(this.#past);
    this.#past = Object.fromEntries(
      Object.entries(present).map(([name, value]) => [name.replace("present", "past"), value]),
    );
    return logits.data as Float32Array;
  }

  async align(
    start: readonly number[],
    text: readonly number[],
    frames: number,
  ): Promise<Alignment> {
    const { no_timestamps: none, end_of_text: end } = this.#tokens.table;
    const tokens = [...start, none, ...text, end];
    const { attention } = await this.#run([tokens], [0], this.#nothing(), ["attention"]);
    const [, heads, count, steps] = attention.dims;
    const spoken = Math.max(1, Math.floor(frames / FRAMES_PER_STEP));
    const values = attention.data as Float32Array;
    return aligned(values, heads, count, steps, start.length, text.length + 1, spoken);
  }

  async #run(
    added: readonly (readonly number[])[],
    rows: readonly number[],
    past: Values,
    wanted: readonly string[],
  ): Promise<Values> {
    const shape = [added.length, added[0].length];
    const { Tensor } = this.#library;
    const tokens = new Tensor("int32", Int32Array.from(added.flat()), shape);
    const from = new Tensor("int32", Int32Array.from(rows), [rows.length]);
    const given = { tokens, rows: from, ...past, ...this.#cross };
    return (await this.#decoder.run(given, wanted)) as Values;
  }

  /** Gives up all memory; nothing is asked of it from then on. */
  dispose(): void {
    dispose(this.#past);
    dispose(this.#cross);
  }

  /** A past of no tokens. */
  #nothing(): Values {
    const [, heads, , width] = this.#cross["cross.0.value"].dims;
    const names = this.#decoder.inputNames.filter((name) => name.startsWith("past."));
    return Object.fromEntries(
      names.map((name) => {
        const shape = name.endsWith("key") ? [1, heads, width, 0] : [1, heads, 0, width];
        return [name, new this.#library.Tensor("float32", new Float32Array(0), shape)];
      }),
    );
  }
}

/** Frees what is no longer needed, which nobody else does for a graphics processor. */
function dispose(values: Values): void {
  for (const tensor of Object.values(values)) tensor.dispose();
}
