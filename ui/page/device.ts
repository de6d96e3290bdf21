/** The models that this device can have: which there are, how far one has come, and its end. */

import { signal } from "@preact/signals";
import {
  type DeviceModel,
  type EngineOrder,
  type EngineReport,
  isCurrent,
  isHere,
  isOutdated,
  MODELS,
  type OfferedModel,
  removeModels,
  suited,
} from "../shared/device-models";
import { serviceAddress } from "./address";
import { choose, type Hears, settings } from "./settings";

/** What the service offers this device, the best first; null until it was asked. */
export const offered = signal<DeviceModel[] | null>(null);
/** Whether only another version of this page has models for this device. */
export const outdated = signal(false);
/** What is being fetched, and how much of it is here; null while nothing is. */
export const fetching = signal<{ model: DeviceModel; bytes: number } | null>(null);
/** Whether the model that this device has cannot be run: it is to be fetched again. */
export const stale = signal(false);
/** Why a model is not here, in a sentence. */
export const problem = signal<string | null>(null);
/** Whether the graphics processor was to run the model, and could not. */
export const unfit = signal(false);

/** Less than this, in gigabytes, is too little for the smallest model beside the browser. */
const LEAST_MEMORY = 1;

let engine: Worker | null = null;
let index: OfferedModel[] = [];

/** Asks the service which models it offers, and whether what was here still is. */
export async function askOffered(): Promise<void> {
  try {
    const response = await fetch(new URL(`${MODELS}index.json`, serviceAddress));
    ({ models: index } = response.ok ? await response.json() : { models: [] });
    const graphics = index.length > 0 && (await hasGraphics());
    offered.value = suited(index, graphics);
    outdated.value = isOutdated(index, graphics);
  } catch {
    offered.value ??= [];
  }
  const { deviceModel } = settings.peek();
  // Who chose that nothing is sent has nothing sent, whatever became of the model.
  stale.value = deviceModel !== null && !(isCurrent(deviceModel) && (await isHere(deviceModel)));
}

/** Whether there is a graphics processor to run models on; an imitated one is slower than none. */
async function hasGraphics(): Promise<boolean> {
  if (unfit.peek()) return false;
  try {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter || adapter.info.isFallbackAdapter) return false;
    (await adapter.requestDevice()).destroy();
    return true;
  } catch {
    return false;
  }
}

/** Says why this device had better not, or null. */
export function advice(): string | null {
  const { deviceMemory, connection } = navigator as Navigator & {
    deviceMemory?: number;
    connection?: { saveData?: boolean };
  };
  if (deviceMemory !== undefined && deviceMemory <= LEAST_MEMORY)
    return "This device has little memory: the service suits it better";
  if (connection?.saveData) return "This browser is set to save data: this is a large download";
  return null;
}

/**
 * Fetches a model, of which nothing counts until it is here whole.
 *
 * @param hears - when it hears, from then on
 */
export function fetchDeviceModel(model: DeviceModel, hears: Hears): void {
  if (fetching.peek()) return;
  fetching.value = { model, bytes: 0 };
  problem.value = null;
  const worker = new Worker(new URL("../worker/engine.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  engine = worker;
  worker.onmessage = ({ data: report }: MessageEvent<EngineReport>) => {
    if (report.kind === "progress") fetching.value = { model, bytes: report.bytes };
    else if (report.kind === "fetched") {
      stopFetching();
      problem.value = report.problem;
      if (report.unfit) void fetchForProcessor(model, hears);
      else if (!report.problem) {
        stale.value = false;
        choose({ deviceModel: model, hears });
        void removeModels(model);
      }
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    stopFetching();
    problem.value = "a part of this page could not be loaded: try again later";
  };
  worker.postMessage({ kind: "fetch", address: serviceAddress, model } satisfies EngineOrder);
}

/** Fetches instead what the processor runs of a model. */
async function fetchForProcessor(model: DeviceModel, hears: Hears): Promise<void> {
  unfit.value = true;
  const models = suited(index, false);
  offered.value = models;
  const other = models.find(({ id }) => id === model.id) ?? models[0];
  await removeModels(other);
  if (other) fetchDeviceModel(other, hears);
  else
    problem.value = "its graphics processor does not run it, and there is none for its processor";
}

/** Stops; what is here of it stays, and is not fetched again. */
export function stopFetching(): void {
  engine?.terminate();
  engine = null;
  fetching.value = null;
}

/** Removes what is here; who chose that nothing is sent has nothing sent until they choose again. */
export async function removeDeviceModel(): Promise<void> {
  stale.value = false;
  const { hears } = settings.peek();
  choose({ deviceModel: null, hears: hears === "device" ? hears : "service" });
  await removeModels();
}
