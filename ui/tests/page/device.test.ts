import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { DeviceModel, EngineReport } from "../../shared/device-models";

/** Stands for the worker that fetches. */
class Engine {
  static last: Engine;
  onmessage: (event: { data: EngineReport }) => void = () => {};

  constructor() {
    Engine.last = this;
  }

  postMessage(): void {}
  terminate(): void {}
}

const MODEL = {
  id: "tiny.en",
  files: { runtime: { sha256: "runtime" }, encoder: { sha256: "newer" } },
} as unknown as DeviceModel;

/** Names of the files that are here. */
let here: Set<string>;

beforeEach(() => {
  vi.resetModules();
  here = new Set(["runtime", "newer", "older", "broken.part"]);
  const models = {
    keys: async function* () {
      yield* [...here];
    },
    removeEntry: async (name: string) => here.delete(name),
  };
  const root = { getDirectoryHandle: async () => models };
  vi.stubGlobal("navigator", { storage: { getDirectory: async () => root } });
  vi.stubGlobal("document", { baseURI: "http://hush/", documentElement: { dataset: {} } });
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("Worker", Engine);
});
afterEach(() => vi.unstubAllGlobals());

it("what a new model replaces is removed once it is here, and not before", async () => {
  const { fetchDeviceModel } = await import("../../page/device");
  const { settings } = await import("../../page/settings");
  fetchDeviceModel(MODEL, "device");
  Engine.last.onmessage({ data: { kind: "fetched", problem: "it broke off", unfit: false } });
  await new Promise((resolve) => setTimeout(resolve));
  expect(here.size).toBe(4);
  expect(settings.value.deviceModel).toBeNull();

  fetchDeviceModel(MODEL, "device");
  Engine.last.onmessage({ data: { kind: "fetched", problem: null, unfit: false } });
  await vi.waitFor(() => expect([...here]).toEqual(["runtime", "newer"]));
  expect(settings.value).toMatchObject({ deviceModel: MODEL, hears: "device" });
});
