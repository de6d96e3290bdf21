// A model on ONNX Runtime, as service/hush_service/weights/onnx_graphs.py lays it out.

import glue from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import * as runtime from "onnxruntime-web/wasm";
import { type Decoder, decode, detectLanguage, type Search } from "./decoding";
import { Tokens, type TokenTable } from "./tokens";
import type { EncodedWindow, Model, Spectrogram } from "./windows";
import { type Alignment, aligned } from "./word-times";

/** More are no faster with models of this size. */
const MOST_THREADS = 4;
/** Frames of a picture in a step that a decoder attends to. */
const FRAMES_PER_STEP = 2;

/** What a model is made of. */
export interface ModelFiles {
  runtime: ArrayBuffer;
  encoder: Uint8Array;
  decoder: Uint8Array;
  tokens: TokenTable;
}

type Values = Record<string, runtime.Tensor>;

/**
 * Loads a model.
 *
 * @throws Error if memory does not suffice, or it cannot be run here
 */
export async function loadModel(files: ModelFiles): Promise<Model> {
  const { wasm } = runtime.env;
  wasm.wasmBinary = files.runtime;
  wasm.wasmPaths = { mjs: new URL(glue, import.meta.url).href };
  // Threads share memory, which pages have only where they are isolated from others.
  wasm.numThreads = self.crossOriginIsolated
    ? Math.min(MOST_THREADS, navigator.hardwareConcurrency)
    : 1;
  wasm.proxy = false;
  runtime.env.logLevel = "error";
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" } as const;
  const encoder = await runtime.InferenceSession.create(files.encoder, options);
  const decoder = await runtime.InferenceSession.create(files.decoder, options);
  return new OnnxModel(encoder, decoder, new Tokens(files.tokens));
}

class OnnxModel implements Model {
  readonly tokens: Tokens;
  readonly #encoder: runtime.InferenceSession;
  readonly #decoder: runtime.InferenceSession;

  constructor(
    encoder: runtime.InferenceSession,
    decoder: runtime.InferenceSession,
    tokens: Tokens,
  ) {
    this.#encoder = encoder;
    this.#decoder = decoder;
    this.tokens = tokens;
  }

  async encode({ melBins, frames, values }: Spectrogram): Promise<EncodedWindow> {
    const mel = new runtime.Tensor("float32", values, [1, melBins, frames]);
    const cross = (await this.#encoder.run({ mel })) as Values;
    return new OnnxWindow(this.#decoder, cross, this.tokens);
  }
}

class OnnxWindow implements EncodedWindow, Decoder {
  readonly #decoder: runtime.InferenceSession;
  readonly #cross: Values;
  readonly #tokens: Tokens;
  /** What the texts of the call before were. */
  #past: Values = {};
  /** All outputs but what only `align` wants. */
  readonly #wanted: string[];

  constructor(decoder: runtime.InferenceSession, cross: Values, tokens: Tokens) {
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
    const tokens = new runtime.Tensor("int32", Int32Array.from(added.flat()), shape);
    const from = new runtime.Tensor("int32", Int32Array.from(rows), [rows.length]);
    const given = { tokens, rows: from, ...past, ...this.#cross };
    return (await this.#decoder.run(given, wanted)) as Values;
  }

  /** A past of no tokens. */
  #nothing(): Values {
    const [, heads, , width] = this.#cross["cross.0.value"].dims;
    const names = this.#decoder.inputNames.filter((name) => name.startsWith("past."));
    return Object.fromEntries(
      names.map((name) => {
        const shape = name.endsWith("key") ? [1, heads, width, 0] : [1, heads, 0, width];
        return [name, new runtime.Tensor("float32", new Float32Array(0), shape)];
      }),
    );
  }
}
