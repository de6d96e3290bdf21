/** Models that this device runs itself: their files, kept where only this origin sees them. */

import type { MelBins, Task } from "./messages";

/** A file that the service offers, and its digest. */
export interface DeviceFile {
  /** Relative to the folder of models. */
  path: string;
  bytes: number;
  /** In hexadecimal. */
  sha256: string;
}

/** A model that this device can run, as `models/index.json` has it. */
export interface DeviceModel {
  id: string;
  mel_bins: MelBins;
  languages: string[];
  tasks: Task[];
  precision: string;
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
  language: string;
  task: Task;
  prompt: string;
  interim: boolean;
}

/** From the engine. */
export type EngineReport =
  | { kind: "progress"; bytes: number }
  | { kind: "fetched"; problem: string | null }
  | { kind: "heard"; id: number; transcript: object }
  /** `passing` is what may be otherwise another time. */
  | { kind: "failed"; id: number; problem: string; passing: boolean };

/** Where models are, relative to the service. */
export const MODELS = "models/";
const FOLDER = "models";
const PART = ".part";

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

/** Whether all files of a model are here. */
export async function isHere({ files }: DeviceModel): Promise<boolean> {
  try {
    const kept = await Promise.all(Object.values(files).map(keptFile));
    return !kept.includes(null);
  } catch {
    return false;
  }
}

/** Removes all models and the runtime. */
export async function removeModels(): Promise<void> {
  const models = await folder().catch(() => null);
  for await (const name of models?.keys() ?? []) {
    // What another tab reads just now goes another time.
    await models?.removeEntry(name).catch(() => {});
  }
}
