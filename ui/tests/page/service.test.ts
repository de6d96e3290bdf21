import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeviceModel } from "../../shared/device-models";

/** Stands for what a page asks its service; each question waits until the test answers it. */
class Service {
  readonly asked: { path: string; answer: (response: Response) => void }[] = [];

  fetch = (address: URL): Promise<Response> =>
    new Promise((answer) => this.asked.push({ path: address.pathname, answer }));

  /** Answers the next question of that path. */
  async answer(path: string, body: object | null): Promise<void> {
    await vi.waitFor(() => expect(this.asked.map((each) => each.path)).toContain(path));
    const place = this.asked.findIndex((each) => each.path === path);
    const [question] = this.asked.splice(place, 1);
    question.answer(
      body ? Response.json(body) : Response.json({ error: { message: "no" } }, { status: 503 }),
    );
  }
}

const TINY = {
  tasks: ["transcribe"],
  languages: ["en"],
  id: "tiny.en",
  mel_bins: 80,
  files: {},
} as DeviceModel;
const UP = { models: { turbo: "ready" } };
const MODELS = { data: [{ id: "turbo", mel_bins: 128, languages: [], tasks: [] }] };

let service: Service;
let page: EventTarget & { hidden: boolean };

/** Returns the modules of a page, whose settings are these. */
async function open(hears: string, deviceModel: DeviceModel | null = TINY) {
  const stored = JSON.stringify({ hears, deviceModel });
  vi.stubGlobal("localStorage", { getItem: () => stored, setItem() {} });
  const settings = await import("../../page/settings");
  const { me } = await import("../../page/account");
  me.value = { sign_in: false };
  return { ...settings, ...(await import("../../page/service")) };
}

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  service = new Service();
  page = Object.assign(new EventTarget(), {
    hidden: false,
    baseURI: "https://example.org/",
    documentElement: { dataset: {} },
  });
  vi.stubGlobal("document", page);
  vi.stubGlobal("location", { href: "https://example.org/" });
  vi.stubGlobal("addEventListener", () => {});
  vi.stubGlobal("fetch", service.fetch);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("who hears", () => {
  it.each([
    ["away", null],
    ["up", UP],
  ])(
    "stays this device where somebody chose it while a service that is %s was being asked",
    async (_, answer) => {
      const { choose, here, models, serviceState, watchService } = await open("asleep");
      const asking = watchService();
      await vi.waitFor(() => expect(service.asked).toHaveLength(1));
      choose({ hears: "device" });
      await watchService(true);
      expect(here.value).toEqual(TINY);
      await service.answer("/mel", answer);
      if (answer) await service.answer("/v1/models", MODELS);
      await asking;
      expect(here.value).toEqual(TINY);
      expect(models.value).toEqual([TINY]);
      expect(serviceState.value.detail).toContain("nothing is sent");
    },
  );

  it("is not known before a service was asked that may be away", async () => {
    const { here, watchService } = await open("asleep");
    expect(here.value).toBeUndefined();
    void watchService();
    await service.answer("/mel", UP);
    await service.answer("/v1/models", MODELS);
    await vi.waitFor(() => expect(here.value).toBeNull());
  });

  it("is nobody where this device alone is to and its model was removed", async () => {
    const { choose, here, models, serviceState, watchService } = await open("device");
    expect(here.value).toEqual(TINY);
    choose({ deviceModel: null });
    await watchService(true);
    expect(here.value).toBeNull();
    expect(models.value).toEqual([]);
    expect(serviceState.value.light).toBe("failing");
    expect(service.asked).toEqual([]);
  });

  it("is the model that was fetched again, of the same name", async () => {
    const { choose, here, models, watchService } = await open("asleep");
    void watchService();
    await service.answer("/mel", null);
    await vi.waitFor(() => expect(here.value).toEqual(TINY));
    const again = { ...TINY, files: { tokens: { sha256: "other" } } } as DeviceModel;
    choose({ deviceModel: again });
    void watchService(true);
    await service.answer("/mel", null);
    await vi.waitFor(() => expect(here.value).toBe(again));
    expect(models.value).toEqual([again]);
  });

  it("is found out by one question for all that want to know it", async () => {
    const { watchService } = await open("service");
    void watchService();
    void watchService();
    await vi.waitFor(() => expect(service.asked).toHaveLength(1));
  });
});

describe("a hidden page", () => {
  it("asks while this device hears for the service and somebody waits for words", async () => {
    const { awaited, foundOut, here, watchService } = await open("asleep");
    page.hidden = true;
    await watchService();
    expect(service.asked).toEqual([]);
    awaited.value = true;
    await service.answer("/mel", null);
    await vi.waitFor(() => expect(here.value).toEqual(TINY));
    expect(foundOut.value).toBe(1);
    await vi.runOnlyPendingTimersAsync();
    await service.answer("/mel", UP);
    await service.answer("/v1/models", MODELS);
    // Once more, as this device may have had one of the same name.
    await service.answer("/v1/models", MODELS);
    await vi.waitFor(() => expect(foundOut.value).toBe(2));
    expect(here.value).toBeNull();
  });

  it("makes what is beyond this device as high as the service takes it", async () => {
    const { awaited, choose, here, watchService, wishes } = await open("asleep");
    choose({ melBins: 128 });
    awaited.value = true;
    await watchService(true);
    await service.answer("/mel", null);
    await vi.waitFor(() => expect(here.value).toEqual(TINY));
    expect(wishes().melBins).toBe(80);
    choose({ language: "de" });
    expect(wishes().melBins).toBe(128);
  });

  it("asks nothing where the service hears in any case", async () => {
    const { awaited, watchService } = await open("service");
    page.hidden = true;
    awaited.value = true;
    await watchService();
    expect(service.asked).toEqual([]);
  });
});

it("a choice of who hears counts as one, others do not", async () => {
  const { choose, settings } = await open("service");
  choose({ hears: "device" });
  choose({ key: "sesame" });
  expect(settings.value.choice).toBe(1);
});
