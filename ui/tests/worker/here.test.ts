import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeviceModel, EngineOrder, EngineReport } from "../../shared/device-models";
import type { Utterance } from "../../shared/messages";
import type { Outcome } from "../../worker/request";

/** Stands for the worker that runs the model. */
class Engine {
  static begun: Engine[] = [];
  readonly orders: EngineOrder[] = [];
  onmessage: (event: { data: EngineReport }) => void = () => {};
  onerror: (event: { preventDefault(): void }) => void = () => {};
  isEnded = false;

  constructor() {
    Engine.begun.push(this);
  }

  postMessage(order: EngineOrder): void {
    this.orders.push(order);
  }

  terminate(): void {
    this.isEnded = true;
  }

  /** The numbers of what it was asked to hear. */
  get asked(): number[] {
    return this.orders.flatMap((order) => (order.kind === "hear" ? [order.id] : []));
  }
}

function modelOf(sha256: string): DeviceModel {
  return {
    id: "tiny.en",
    mel_bins: 80,
    runs_on: "webgpu",
    files: { encoder: { sha256 } },
  } as never;
}

const MODEL = modelOf("one");
const OTHER = modelOf("other");
const UTTERANCE = {
  state: "waiting",
  type: "image/png",
  wishes: { language: "", task: "transcribe" },
  start: 0,
  end: 1,
} as unknown as Utterance;
const HEARD = { text: "so it is", language: "en", duration: 1, segments: [], words: [] };

async function ask(id = "one", signal = new AbortController().signal) {
  const { transcribeHere } = await import("../../worker/here");
  return transcribeHere(MODEL, { ...UTTERANCE, id }, new Uint8Array(3), signal);
}

/** Has whoever hears, hear; with no model of this device, the service. */
async function hearWith(device: DeviceModel | null) {
  const { hearWith } = await import("../../worker/request");
  hearWith({ address: "", key: "", hears: "device" as const, device });
}

async function send(device: DeviceModel, id = "one"): Promise<Outcome> {
  const { transcribe } = await import("../../worker/request");
  const service = { address: "", key: "", hears: "device" as const, device };
  const giving = new AbortController().signal;
  return transcribe(service, { ...UTTERANCE, id }, new Uint8Array(3), giving);
}

async function answer(place: number, id?: number): Promise<void> {
  await vi.waitFor(() => expect(Engine.begun[place]?.asked.length).toBeGreaterThan(0));
  const engine = Engine.begun[place];
  const last = engine.asked.at(-1) as number;
  engine.onmessage({ data: { kind: "heard", id: id ?? last, transcript: HEARD } });
}

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("Worker", Engine);
  Engine.begun = [];
});
afterEach(() => vi.unstubAllGlobals());

describe("a model on this device", () => {
  it("is loaded once for all pictures", async () => {
    const answers = Promise.all([ask(), ask()]);
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(2));
    const [engine] = Engine.begun;
    for (const id of engine.asked) {
      engine.onmessage({ data: { kind: "heard", id, transcript: HEARD } });
    }
    for (const answer of await answers) expect(answer).toMatchObject({ kind: "answered" });
    expect(Engine.begun).toHaveLength(1);
  });

  it("that crashes, as one on a graphics processor that is lost, is begun anew, and no picture is lost", async () => {
    const answers = Promise.all([ask(), ask()]);
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(2));
    const prevented = vi.fn();
    Engine.begun[0].onerror({ preventDefault: prevented });
    for (const answer of await answers) {
      expect(answer).toMatchObject({ kind: "later", after: expect.any(Number) });
    }
    expect(Engine.begun[0].isEnded).toBe(true);
    expect(prevented).toHaveBeenCalled();

    const again = ask();
    await vi.waitFor(() => expect(Engine.begun).toHaveLength(2));
    const [id] = Engine.begun[1].asked;
    Engine.begun[1].onmessage({ data: { kind: "heard", id, transcript: HEARD } });
    expect(await again).toMatchObject({ kind: "answered" });
  });

  it("is begun anew where it could not be loaded: a runtime that failed once stays so", async () => {
    const answers = Promise.all([ask(), ask("another")]);
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(2));
    const [id] = Engine.begun[0].asked;
    const problem = "this device has too little memory";
    Engine.begun[0].onmessage({
      data: { kind: "failed", id, problem, passing: true, broken: "loading" },
    });
    const [first, second] = await answers;
    expect(first).toMatchObject({ kind: "later", reason: problem });
    expect(second).toMatchObject({ kind: "later" });
    expect(Engine.begun[0].isEnded).toBe(true);
  });

  it("refuses the picture that breaks it again and again, and no other waits for ever", async () => {
    const outcomes = [];
    for (let time = 0; time < 2; time++) {
      const answers = Promise.all([ask("breaks"), ask("sound")]);
      await vi.waitFor(() => expect(Engine.begun[time]?.asked).toHaveLength(2));
      if (time) {
        const [id] = Engine.begun[time].asked;
        Engine.begun[time].onmessage({
          data: { kind: "failed", id, problem: "it broke", passing: true, broken: "hearing" },
        });
      } else Engine.begun[time].onerror({ preventDefault() {} });
      outcomes.push((await answers).map(({ kind }) => kind));
    }
    expect(outcomes).toEqual([
      ["later", "later"],
      ["refused", "later"],
    ]);
  });

  it("is told of pictures that are given up", async () => {
    const giving = new AbortController();
    const answer = ask("one", giving.signal);
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(1));
    const [engine] = Engine.begun;
    const [id] = engine.asked;
    giving.abort();
    expect(engine.orders.at(-1)).toEqual({ kind: "stop", id });
    engine.onmessage({
      data: { kind: "failed", id, problem: "given up", passing: true, broken: null },
    });
    expect(await answer).toMatchObject({ kind: "later" });
  });

  it("refuses for good what it can never hear", async () => {
    const answer = ask();
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(1));
    const [id] = Engine.begun[0].asked;
    const problem = "its picture is damaged";
    Engine.begun[0].onmessage({
      data: { kind: "failed", id, problem, passing: false, broken: null },
    });
    expect(await answer).toEqual({ kind: "refused", reason: problem });
  });

  it("that answers no more is begun anew, and others are heard", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const answers = [ask("one"), ask("two"), ask("three")];
      await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(3));
      const [engine] = Engine.begun;
      vi.advanceTimersByTime(329_000);
      await answer(0, engine.asked[0]);
      expect(await answers[0]).toMatchObject({ kind: "answered" });
      // As long again for the next one.
      vi.advanceTimersByTime(329_000);
      expect(engine.isEnded).toBe(false);
      vi.advanceTimersByTime(2_000);
      expect(engine.isEnded).toBe(true);
      for (const late of answers.slice(1)) expect(await late).toMatchObject({ kind: "later" });
      // What it hangs at again is refused.
      const again = ask("two");
      await vi.waitFor(() => expect(Engine.begun[1]?.asked).toHaveLength(1));
      vi.advanceTimersByTime(331_000);
      expect(await again).toMatchObject({ kind: "refused" });
    } finally {
      vi.useRealTimers();
    }
  });

  it("that rests is given all the time", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const answered = ask();
      await answer(0);
      await answered;
      vi.advanceTimersByTime(1_000_000);
      expect(Engine.begun[0].isEnded).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  it("stays loaded while it hears, and is gone once the service does", async () => {
    await hearWith(MODEL);
    const answered = send(MODEL);
    await answer(0);
    await answered;
    await hearWith(MODEL);
    expect(Engine.begun[0].isEnded).toBe(false);
    await hearWith(null);
    expect(Engine.begun[0].isEnded).toBe(true);
  });

  it("hears first what it was asked", async () => {
    await hearWith(MODEL);
    const answered = send(MODEL);
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(1));
    await hearWith(null);
    expect(Engine.begun[0].isEnded).toBe(false);
    await answer(0);
    expect(await answered).toMatchObject({ kind: "answered" });
    expect(Engine.begun[0].isEnded).toBe(true);
  });

  it("is gone once another one hears", async () => {
    await hearWith(MODEL);
    const before = send(MODEL);
    await vi.waitFor(() => expect(Engine.begun[0]?.asked).toHaveLength(1));
    await hearWith(OTHER);
    const after = send(OTHER);
    await answer(1);
    await after;
    await answer(0);
    await before;
    expect(Engine.begun.map(({ isEnded }) => isEnded)).toEqual([true, false]);
  });
});
