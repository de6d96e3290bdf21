/** The models that this device can have: which there are, how far one has come, and its end. */

import { signal } from "@preact/signals";
import {
  type DeviceModel,
  type EngineOrder,
  type EngineReport,
  isHere,
  MODELS,
  removeModels,
} from "../shared/device-models";
import { serviceAddress } from "./address";
import { choose, settings } from "./settings";

/** What the service offers; null until it was asked. */
export const offered = signal<DeviceModel[] | null>(null);
/** Bytes that are here of what is being fetched; null while nothing is. */
export const fetched = signal<number | null>(null);
/** Why a model is not here, in a sentence. */
export const problem = signal<string | null>(null);

/** Less than this, in gigabytes, is too little for the smallest model beside the browser. */
const LEAST_MEMORY = 1;

let engine: Worker | null = null;

/** Asks the service which models it offers, and whether what was here still is. */
export async function askOffered(): Promise<void> {
  try {
    const response = await fetch(new URL(`${MODELS}index.json`, serviceAddress));
    const { models } = (response.ok ? await response.json() : { models: [] }) as {
      models: DeviceModel[];
    };
    offered.value = models;
  } catch {
    offered.value ??= [];
  }
  const { deviceModel } = settings.peek();
  if (deviceModel && !(await isHere(deviceModel))) forget();
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

/** Fetches a model, of which nothing counts until it is here whole. */
export function fetchDeviceModel(model: DeviceModel): void {
  if (fetched.peek() !== null) return;
  fetched.value = 0;
  problem.value = null;
  const worker = new Worker(new URL("../worker/engine.ts", import.meta.url), {
    type: "module",
    name: "engine",
  });
  engine = worker;
  worker.onmessage = ({ data: report }: MessageEvent<EngineReport>) => {
    if (report.kind === "progress") fetched.value = report.bytes;
    else if (report.kind === "fetched") {
      stopFetching();
      problem.value = report.problem;
      if (!report.problem) choose({ deviceModel: model, hears: "device" });
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    stopFetching();
    problem.value = "a part of this page could not be loaded: try again later";
  };
  worker.postMessage({ kind: "fetch", address: serviceAddress, model } satisfies EngineOrder);
}

/** Stops; what is here of it stays, and is not fetched again. */
export function stopFetching(): void {
  engine?.terminate();
  engine = null;
  fetched.value = null;
}

/** Removes what is here; from then on, the service hears. */
export async function removeDeviceModel(): Promise<void> {
  forget();
  await removeModels();
}

function forget(): void {
  choose({ deviceModel: null, hears: "service" });
}
