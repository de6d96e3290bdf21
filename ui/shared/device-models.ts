/** Models that this device runs itself: their files, kept where only this origin sees them. */

import { isAble } from "./ability";
import type { MelBins, Task } from "./messages";

/** A file that the service offers, and its digest. */
export interface DeviceFile {
  /** Relative to the folder of models. */
  path: string;
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
}

/** What runs a model: the processor, or by WebGPU the graphics processor. */
export type Runtime = "wasm" | "webgpu";

/** Of which the digest is known when the page is built; vite.config.ts makes it. */
declare const RUNTIME_DIGESTS: Record<Runtime, string>;
/** Version of the graphs of models that this page runs; as in hush_service/weights/onnx_export.py. */
const GRAPHS = 2;

interface Described {
  id: string;
  mel_bins: MelBins;
  languages: string[];
  tasks: Task[];
  precision: string;
  graphs: number;
}

/** A model that devices can run, as `models/index.json` has it. */
export interface OfferedModel extends Described {
  /** Of those that it runs on. */
  runtimes: Partial<Record<Runtime, DeviceFile>>;
  files: Record<"encoder" | "decoder" | "tokens", DeviceFile>;
}

/** A model with what runs it on this device. */
export interface DeviceModel extends Described {
  runs_on: Runtime;
  files: Record<"runtime" | "encoder" | "decoder" | "tokens", DeviceFile>;
}

/** To the engine, from the page or the outbox. */
export type EngineOrder =
  /** Fetch what is not here yet. */
  | { kind: "fetch"; address: string; model: DeviceModel }
  /** Hear a picture; answered under the same number. */
  | { kind: "hear"; id: number; model: DeviceModel; asked: Asked }
  | { kind: "stop"; id: number };

/** What is wanted of a picture. */
export interface Asked {
  picture: Uint8Array<ArrayBuffer>;
  /** Its media type. */
  type: string;
  /** Its code, or its English name as answers have it; "" to have it detected. */
  language: string;
  task: Task;
  prompt: string;
  interim: boolean;
}

/** What an engine was at when it broke, which then answers no more; null if it did not. */
export type Broken = "loading" | "hearing" | null;

/** From the engine. */
export type EngineReport =
  | { kind: "progress"; bytes: number }
  /** `unfit` is what is here, and does not run on the graphics processor. */
  | { kind: "fetched"; problem: string | null; unfit: boolean }
  | { kind: "heard"; id: number; transcript: object }
  /** `passing` is what may be otherwise another time; `broken`, in what the engine broke. */
  | { kind: "failed"; id: number; problem: string; passing: boolean; broken: Broken };

/** Where nobody knows why. */
export const FAILED = "the model on this device failed: it is tried again, or use the service";

const ENGLISH = "en";

/** Where models are, relative to the service. */
export const MODELS = "models/";
const FOLDER = "models";
const PART = ".part";

/**
 * Returns the models that this page runs on this device, the one that suits it best first.
 *
 * @param graphics - whether it has a graphics processor, which then runs all that it can
 */
export function suited(models: readonly OfferedModel[], graphics: boolean): DeviceModel[] {
  const later = ({ runs_on }: DeviceModel) => (runs_on === "webgpu" ? 0 : 1);
  return onDevice(models, graphics)
    .filter(isCurrent)
    .sort((one, other) => later(one) - later(other));
}

/** Whether this device could have models, and only with another version of this page. */
export function isOutdated(models: readonly OfferedModel[], graphics: boolean): boolean {
  const all = onDevice(models, graphics);
  return all.length > 0 && !all.some(isCurrent);
}

function onDevice(models: readonly OfferedModel[], graphics: boolean): DeviceModel[] {
  return models.flatMap(({ runtimes, files, ...described }) => {
    const runs_on = graphics && runtimes.webgpu ? "webgpu" : "wasm";
    const runtime = runtimes[runs_on];
    return runtime ? [{ ...described, runs_on, files: { runtime, ...files } }] : [];
  });
}

/**
 * Returns the first model that can do what is wanted, null if none can.
 *
 * @param language - its code; "" where it is to be detected
 * @param spoken - languages that somebody reads, as browsers say it, the best first
 */
export function firstThat(
  models: readonly DeviceModel[],
  language: string,
  task: Task,
  spoken: readonly string[],
): DeviceModel | null {
  const able = models.filter((model) => isAble(model, language, task));
  const isForeign = !language && !(spoken[0] ?? ENGLISH).startsWith(ENGLISH);
  return (isForeign ? able.find((model) => !knowsEnglishAlone(model)) : null) ?? able[0] ?? null;
}

/** Whether a model hears English, and nothing else. */
export function knowsEnglishAlone({ languages }: DeviceModel): boolean {
  return languages.length === 1 && languages[0] === ENGLISH;
}

/** Returns the bytes of all files of a model. */
export function bytesOf({ files }: DeviceModel): number {
  return Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Returns the folder of models; null where the browser has none. */
async function folder(): Promise<FileSystemDirectoryHandle | null> {
  const root = await navigator.storage?.getDirectory?.();
  return (await root?.getDirectoryHandle(FOLDER, { create: true })) ?? null;
}

/** Returns the place of a file, or of the part of it that is here; a digest names it. */
export async function placeOf({ sha256 }: DeviceFile, part = false): Promise<FileSystemFileHandle> {
  const models = await folder();
  if (!models) throw new DOMException("this browser keeps no files for pages", "SecurityError");
  return models.getFileHandle(part ? `${sha256}${PART}` : sha256, { create: true });
}

/** Returns a file that is here whole, or null. */
export async function keptFile(file: DeviceFile): Promise<File | null> {
  const kept = await (await placeOf(file)).getFile();
  return kept.size === file.bytes ? kept : null;
}

/** Whether this page runs a model: others want other graphs, or another runtime. */
export function isCurrent({ graphs, runs_on, files }: DeviceModel): boolean {
  return graphs === GRAPHS && files.runtime.sha256 === RUNTIME_DIGESTS[runs_on];
}

/** Whether all files of a model are here. */
export async function isHere({ files }: DeviceModel): Promise<boolean> {
  try {
    const kept = await Promise.all(Object.values(files).map(keptFile));
    return !kept.includes(null);
  } catch {
    return false;
  }
}

/** Removes all models and runtimes, but for what another model has too. */
export async function removeModels(other?: DeviceModel): Promise<void> {
  const models = await folder().catch(() => null);
  const kept = new Set(Object.values(other?.files ?? {}).map(({ sha256 }) => sha256));
  for await (const name of models?.keys() ?? []) {
    if (kept.has(name)) continue;
    // What another tab reads just now goes another time.
    await models?.removeEntry(name).catch(() => {});
  }
}
