/** Runs a model on this device: fetches its files, and turns pictures into words. */

import { hasSimd } from "../chain/kernels";
import { NetworkDetector } from "../chain/voice-network";
import { Stopped } from "../engine/decoding";
import { FetchError, fetchModel } from "../engine/fetching";
import { spectrogramOf } from "../engine/spectrogram";
import { type Model, type Spectrogram, transcribe } from "../engine/windows";
import {
  type Asked,
  type Broken,
  type DeviceFile,
  type DeviceModel,
  type EngineOrder,
  type EngineReport,
  FAILED,
  isCurrent,
  keptFile,
} from "../shared/device-models";
import simdUrl from "../wasm/build/chain.simd.wasm?url";
import scalarUrl from "../wasm/build/chain.wasm?url";

const NOT_HERE = "the model is not on this device: fetch it in the settings, or use the service";
const OUTDATED =
  "the model on this device is for another version of this page: load the page anew, fetch the model again in the settings, or use the service";
const NO_GRAPHICS =
  "the graphics processor of this device does not run the model any more: remove it in the settings and fetch it again, or use the service";
const NO_MEMORY =
  "this device has too little memory for the model: close other tabs, or use the service";

/** Time within which a graphics processor has to hear a moment, in milliseconds. */
const TRIAL = 60_000;

/**
 * Told to whoever asked; `passing` is what may be otherwise another time, `broken`, that it will be
 * in another worker alone: a runtime that failed once stays so, and so does a graphics processor.
 */
class Unheard extends Error {
  readonly passing: boolean;
  readonly broken: Broken;

  constructor(problem: string, passing: boolean, broken: Broken = null) {
    super(problem);
    this.passing = passing;
    this.broken = broken;
  }
}

let loaded: { key: string; model: Promise<Model> } | null = null;
const detector = WebAssembly.compileStreaming(
  fetch(new URL(hasSimd() ? simdUrl : scalarUrl, import.meta.url)),
);
detector.catch(() => {
  // Whoever asks hears of it.
});
/** Pictures that wait or are heard, one after the other. */
const stopping = new Map<number, AbortController>();
let before: Promise<void> = Promise.resolve();

self.onmessage = ({ data: order }: MessageEvent<EngineOrder>) => {
  switch (order.kind) {
    case "fetch":
      void fetchFiles(order.address, order.model);
      break;
    case "hear": {
      const stop = new AbortController();
      stopping.set(order.id, stop);
      before = before.then(() => answer(order.id, order.model, order.asked, stop.signal));
      break;
    }
    case "stop":
      stopping.get(order.id)?.abort();
      break;
  }
};

function report(told: EngineReport): void {
  self.postMessage(told);
}

async function fetchFiles(address: string, model: DeviceModel): Promise<void> {
  try {
    await fetchModel(address, model, (bytes) => report({ kind: "progress", bytes }));
  } catch (error) {
    const problem = error instanceof FetchError ? error.message : String(error);
    report({ kind: "fetched", problem, unfit: false });
    return;
  }
  // Drivers refuse what browsers promise, or are slower than any processor.
  const fits = model.runs_on !== "webgpu" || (await tried(model));
  report({ kind: "fetched", problem: null, unfit: !fits });
}

/** Whether a model that was fetched hears here. */
async function tried(described: DeviceModel): Promise<boolean> {
  const { mel_bins: melBins } = described;
  const moment = { melBins, frames: 100, values: new Float32Array(100 * melBins) };
  const asked = {
    language: "en",
    task: "transcribe",
    prompt: "",
    interim: true,
    words: false,
  } as const;
  try {
    const model = await load(described);
    const nobody = new Uint8Array(moment.frames);
    await transcribe(moment, asked, model, nobody, AbortSignal.timeout(TRIAL));
    return true;
  } catch (error) {
    console.error(error);
    return false;
  }
}

async function answer(
  id: number,
  described: DeviceModel,
  asked: Asked,
  stop: AbortSignal,
): Promise<void> {
  try {
    if (stop.aborted) throw new Stopped();
    const transcript = await heard(described, asked, stop);
    report({ kind: "heard", id, transcript });
  } catch (error) {
    if (error instanceof Stopped) {
      report({ kind: "failed", id, problem: "given up", passing: true, broken: null });
    } else if (error instanceof Unheard) {
      const { message: problem, passing, broken } = error;
      report({ kind: "failed", id, problem, passing, broken });
    } else {
      console.error(error);
      report({ kind: "failed", id, problem: FAILED, passing: true, broken: "hearing" });
    }
  } finally {
    stopping.delete(id);
  }
}

async function heard(described: DeviceModel, asked: Asked, stop: AbortSignal): Promise<object> {
  const { task, prompt, interim } = asked;
  const spectrogram = await spectrogramOf(asked.picture, asked.type).catch(() => {
    throw new Unheard("its picture is damaged", false);
  });
  const { id, mel_bins: height } = described;
  if (spectrogram.melBins !== height) {
    throw new Unheard(
      `${id} on this device hears pictures ${height} pixels high, not ${spectrogram.melBins}`,
      false,
    );
  }
  const model = await modelOf(described);
  const language = model.tokens.codeOf(asked.language);
  if (!described.tasks.includes(task) || (language && !described.languages.includes(language))) {
    const known =
      described.languages.length > 1 ? "does not know this language" : "knows English alone";
    throw new Unheard(`${id} on this device ${known}`, false);
  }
  const speech = speechIn(spectrogram, await detector);
  const request = { language, task, prompt, interim, words: !interim };
  return transcribe(spectrogram, request, model, speech, stop);
}

function modelOf(described: DeviceModel): Promise<Model> {
  const key = JSON.stringify(described.files);
  if (loaded?.key !== key) {
    const model = load(described);
    loaded = { key, model };
    // What failed is tried anew, when it is asked for again.
    model.catch(() => {
      if (loaded?.model === model) loaded = null;
    });
  }
  return loaded.model;
}

async function load(described: DeviceModel): Promise<Model> {
  const { files, runs_on: runsOn } = described;
  if (!isCurrent(described)) throw new Unheard(OUTDATED, true);
  const bytes = async (file: DeviceFile) => {
    const kept = await keptFile(file).catch(() => null);
    if (!kept) throw new Unheard(NOT_HERE, true);
    return new Uint8Array(await kept.arrayBuffer());
  };
  try {
    const [{ loadModel }, runtime, encoder, decoder, tokens] = await Promise.all([
      import("../engine/onnx"),
      bytes(files.runtime),
      bytes(files.encoder),
      bytes(files.decoder),
      bytes(files.tokens),
    ]);
    const table = JSON.parse(new TextDecoder().decode(tokens));
    return await loadModel({ runsOn, runtime: runtime.buffer, encoder, decoder, tokens: table });
  } catch (error) {
    if (error instanceof Unheard) throw error;
    console.error(error);
    const problem = runsOn === "webgpu" ? NO_GRAPHICS : NO_MEMORY;
    throw new Unheard(`${problem} (${(error as Error).message ?? error})`, true, "loading");
  }
}

/** Tells for each frame whether somebody speaks; the detector takes log10 mel power. */
function speechIn({ melBins, frames, values }: Spectrogram, module: WebAssembly.Module) {
  const power = new Float32Array(values.length);
  for (let bin = 0; bin < melBins; bin++) {
    for (let frame = 0; frame < frames; frame++) {
      power[frame * melBins + bin] = values[bin * frames + frame] * 4 - 4;
    }
  }
  const network = new NetworkDetector(module, melBins as 80 | 128);
  return Uint8Array.from([...network.push(power), ...network.finish()]);
}
