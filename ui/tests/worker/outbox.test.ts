import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeviceModel, EngineOrder, EngineReport } from "../../shared/device-models";
import type { Change, OutboxOrder, ServiceOrder, Utterance } from "../../shared/messages";

/** Stands for the browser's database; each reading waits as long as the test wants. */
class Stored {
  readonly stores: Record<string, Map<string, unknown>> = {
    recordings: new Map(),
    segments: new Map(),
    pictures: new Map(),
  };
  /** What readings of pictures wait for. */
  gate: Promise<unknown> = Promise.resolve();

  async get(store: string, key: string) {
    if (store === "pictures") await this.gate;
    return this.stores[store].get(key);
  }

  async getAll(store: string) {
    return [...this.stores[store].values()];
  }

  async getAllFromIndex(store: string, index: keyof Utterance, value: string) {
    return (await this.getAll(store)).filter((each) => (each as Utterance)[index] === value);
  }

  transaction(names: string | string[]) {
    const objectStore = (name: string) => ({
      get: async (key: string) => this.stores[name].get(key),
      put: async (value: { id: string }, key = value.id) => {
        await new Promise((resolve) => setTimeout(resolve));
        this.stores[name].set(key, value);
      },
      async *[Symbol.asyncIterator]() {},
    });
    return { store: objectStore([names].flat()[0]), objectStore, done: Promise.resolve() };
  }
}

/** Stands for what tabs tell one another. */
class Channel {
  static all: Channel[] = [];
  static told: Change[] = [];
  onmessage: (event: { data: Change }) => void = () => {};

  constructor() {
    Channel.all.push(this);
  }

  postMessage(data: Change): void {
    Channel.told.push(data);
    for (const other of Channel.all) if (other !== this) other.onmessage({ data });
  }
}

/** Stands for the worker that runs a model on this device. */
class Engine {
  /** What it cannot hear, and why, by the language. */
  static unhearable: Record<string, string> = {};
  onmessage: (event: { data: EngineReport }) => void = () => {};

  terminate(): void {}

  postMessage(order: EngineOrder): void {
    if (order.kind !== "hear") return;
    const { id, asked } = order;
    const problem = Engine.unhearable[asked.language];
    const transcript = { text: "heard here", language: "en" };
    const data: EngineReport = problem
      ? { kind: "failed", id, problem, passing: false, broken: null }
      : { kind: "heard", id, transcript };
    queueMicrotask(() => this.onmessage({ data }));
  }
}

vi.mock("../../shared/database", () => ({ openDatabase: async () => stored }));

const TINY = { id: "tiny.en", files: {} } as DeviceModel;
const ANSWER = { text: "so it is", language: "english", confidence: null, phrases: [] };
const ORDER: ServiceOrder = {
  kind: "service",
  address: "https://example.org/",
  key: "",
  hears: "service",
  choice: 0,
  device: null,
};
const HERE: Partial<ServiceOrder> = { hears: "device", device: TINY };
const AWAY: Partial<ServiceOrder> = { hears: "asleep", device: TINY };

let stored: Stored;
/** Pictures on their way to the service: to be answered by the test. */
let sent: { answer: (response: Response) => void; signal: AbortSignal; form: FormData }[];

function waiting(id: string, changes: Partial<Utterance> = {}): Utterance {
  const wishes = { model: "", language: "", task: "transcribe", encoding: { format: "png" } };
  return {
    ...{ id, recording: "take", order: Number(id), start: 0, end: 1, wishes, type: "image/png" },
    ...{ bytes: 100, waveform: new Int8Array(2), state: "waiting", answer: null, problem: null },
    ...{ spoken: null, sent: null, answered: null },
    ...changes,
  } as Utterance;
}

/** Keeps utterances with their pictures. */
function keep(...utterances: Utterance[]): void {
  for (const utterance of utterances) {
    stored.stores.segments.set(utterance.id, utterance);
    stored.stores.pictures.set(utterance.id, new Uint8Array(3));
  }
}

/** Has a tab keep what was said, which tells all. */
function say(utterance: Utterance): void {
  keep(utterance);
  for (const { onmessage } of Channel.all) onmessage({ data: { kind: "utterance", utterance } });
}

function kept(id: string): Utterance {
  return stored.stores.segments.get(id) as Utterance;
}

/** Opens a tab, and returns its way to its outbox; the first one sends for all. */
async function open(order: Partial<ServiceOrder> | null = {}) {
  vi.resetModules();
  const worker = {} as { onmessage: (event: { data: OutboxOrder }) => Promise<void> };
  vi.stubGlobal("self", worker);
  await import("../../worker/outbox");
  const tell = (data: OutboxOrder) => worker.onmessage({ data });
  if (order) await tell({ ...ORDER, ...order });
  return tell;
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

beforeEach(() => {
  stored = new Stored();
  sent = [];
  Channel.all = [];
  Channel.told = [];
  Engine.unhearable = {};
  let holds = false;
  const request = async (name: string, hold: () => Promise<void>) => {
    if (holds && name === "hush-outbox") return;
    holds ||= name === "hush-outbox";
    await hold();
  };
  vi.stubGlobal("navigator", { locks: { request } });
  vi.stubGlobal("BroadcastChannel", Channel);
  vi.stubGlobal("Worker", Engine);
  vi.stubGlobal(
    "fetch",
    (_: URL, { signal, body: form }: { signal: AbortSignal; body: FormData }) =>
      new Promise<Response>((answer, fail) => {
        signal.addEventListener("abort", () => fail(signal.reason));
        sent.push({ answer, signal, form });
      }),
  );
});
afterEach(() => vi.unstubAllGlobals());

describe("once this device hears", () => {
  it("nothing is sent of what was being read then", async () => {
    keep(waiting("1"));
    let read = (_: unknown) => {};
    stored.gate = new Promise((resolve) => {
      read = resolve;
    });
    const tell = await open();
    await tell({ ...ORDER, ...HERE, choice: 1 });
    read(null);
    await vi.waitFor(() => expect(kept("1").state).toBe("answered"));
    expect(sent).toEqual([]);
  });

  it("what is on its way is given up, and heard here", async () => {
    keep(waiting("1"), waiting("2"));
    const tell = await open();
    await vi.waitFor(() => expect(sent).toHaveLength(2));
    await tell({ ...ORDER, ...HERE, choice: 1 });
    expect(sent.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    await vi.waitFor(() => expect(kept("2").state).toBe("answered"));
    expect(kept("1").state).toBe("answered");
    expect(Channel.told).not.toContainEqual(expect.objectContaining({ kind: "held" }));
  });

  it("nor is a translation sent", async () => {
    keep(waiting("1", { state: "answered", answer: ANSWER, sent: 1, answered: 2 }));
    const tell = await open();
    await tell({ kind: "translate", utterances: ["1"], model: "" });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    await tell({ ...ORDER, ...HERE, choice: 1 });
    expect(sent[0].signal.aborted).toBe(true);
    await vi.waitFor(() => expect(kept("1").translation).toBeDefined());
    expect(sent).toHaveLength(1);
  });

  it("and its model is gone, all waits for a model or for another choice", async () => {
    keep(waiting("1"));
    const tell = await open({ hears: "device", device: null });
    await settle();
    expect(sent).toEqual([]);
    expect(kept("1").state).toBe("waiting");
    await tell({ ...ORDER, choice: 1 });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
  });
});

describe("what this device cannot hear", () => {
  const KNOWS = "tiny.en on this device knows English alone";
  const german = { ...waiting("1").wishes, language: "de" };

  beforeEach(() => {
    Engine.unhearable = { de: KNOWS };
    keep(waiting("1", { wishes: german }), waiting("2"));
  });

  it("waits while the service is away, holds up nothing, and is sent when it is up", async () => {
    const tell = await open(AWAY);
    await vi.waitFor(() => expect(kept("1").problem).toBe(KNOWS));
    expect(kept("1").state).toBe("waiting");
    await vi.waitFor(() => expect(kept("2").state).toBe("answered"));
    await tell({ ...ORDER, hears: "asleep" });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    sent[0].answer(Response.json({ text: "so ist es" }));
    await vi.waitFor(() => expect(kept("1").state).toBe("answered"));
    expect(kept("1").problem).toBeNull();
  });

  it("keeps nobody from words while they speak", async () => {
    const tell = await open(AWAY);
    await vi.waitFor(() => expect(kept("2").state).toBe("answered"));
    const port = { postMessage: vi.fn() } as unknown as MessagePort;
    await tell({ kind: "listener", port });
    const utterance = waiting("3", { state: "open" });
    const picture = new Uint8Array(3);
    port.onmessage?.({ data: { kind: "utterance", utterance, picture } } as MessageEvent);
    await vi.waitFor(() =>
      expect(Channel.told).toContainEqual({
        kind: "interim",
        utterance: "3",
        text: "heard here",
      }),
    );
  });

  it("is tried by another model", async () => {
    const tell = await open(AWAY);
    await vi.waitFor(() => expect(kept("1").problem).toBe(KNOWS));
    Engine.unhearable = {};
    await tell({ ...ORDER, hears: "asleep", device: { ...TINY, id: "tiny" } });
    await vi.waitFor(() => expect(kept("1").state).toBe("answered"));
  });

  it("waits where the service was chosen, and is asked", async () => {
    const tell = await open(AWAY);
    await vi.waitFor(() => expect(kept("1").problem).toBe(KNOWS));
    // As a page may tell that has not asked the service yet.
    await tell({ ...ORDER, hears: "service", device: TINY, choice: 1 });
    await new Promise((resolve) => setTimeout(resolve));
    expect(kept("1").state).toBe("waiting");
    await tell({ ...ORDER, choice: 1 });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
  });

  it("keeps interim words from no tab, also one that is opened later", async () => {
    keep(waiting("1", { wishes: german, problem: KNOWS }));
    await open(AWAY);
    await vi.waitFor(() => expect(kept("2").state).toBe("answered"));
    const tell = await open(AWAY);
    const postMessage = vi.fn();
    const port = { postMessage } as unknown as MessagePort;
    await tell({ kind: "listener", port });
    const utterance = waiting("3", { state: "open" });
    const data = { kind: "utterance", utterance, picture: new Uint8Array(3) };
    port.onmessage?.({ data } as MessageEvent);
    await vi.waitFor(() =>
      expect(Channel.told).toContainEqual({
        kind: "interim",
        utterance: "3",
        text: "heard here",
      }),
    );
  });

  it("is refused where nothing is ever sent, and where to choose otherwise is said", async () => {
    await open(HERE);
    await vi.waitFor(() => expect(kept("1").state).toBe("refused"));
    expect(kept("1").problem).toBe(`${KNOWS}: the service can be chosen in the settings`);
    expect(sent).toEqual([]);
  });

  it("waits with its words where it is to be heard again", async () => {
    const changes = { answer: ANSWER, before: waiting("1").wishes, wishes: german };
    keep(waiting("1", { ...changes, sent: 1, answered: 2 }));
    await open(AWAY);
    await vi.waitFor(() => expect(kept("1").problem).toBe(KNOWS));
    expect(kept("1")).toMatchObject({ state: "waiting", answer: ANSWER });
  });
});

describe("of each picture it is kept whether it left", () => {
  /** Has what somebody still says be heard so far; returns whether that left. */
  async function interim(tell: (order: OutboxOrder) => Promise<void>): Promise<unknown> {
    const postMessage = vi.fn();
    const port = { postMessage } as unknown as MessagePort;
    await tell({ kind: "listener", port });
    const utterance = waiting("3", { state: "open" });
    const picture = new Uint8Array(3);
    port.onmessage?.({ data: { kind: "utterance", utterance, picture } } as MessageEvent);
    await vi.waitFor(() => expect(postMessage).toHaveBeenCalled());
    return postMessage.mock.calls[0][0].sent;
  }

  it("for the service", async () => {
    keep(waiting("1"));
    const tell = await open();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    sent[0].answer(Response.json({ text: "so it is" }));
    await vi.waitFor(() => expect(kept("1")).toMatchObject({ state: "answered", left: true }));
    expect(await interim(tell)).toBe(true);
  });

  it("and one that only settles words keeps nobody from words when it failed", async () => {
    const parts = [
      { start: 0, end: 1 },
      { start: 1, end: 2 },
    ];
    keep(waiting("1", { end: 2, joins: parts }));
    const tell = await open();
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    sent[0].answer(new Response("{}", { status: 503 }));
    await vi.waitFor(() => expect(kept("1").left).toBe(true));
    expect(await interim(tell)).toBe(true);
  });

  it("not for this device", async () => {
    keep(waiting("1"));
    const tell = await open(AWAY);
    await vi.waitFor(() => expect(kept("1")).toMatchObject({ state: "answered", left: false }));
    expect(await interim(tell)).toBe(false);
  });

  it.each([
    ["that was given up on its way", false],
    ["that the service did not answer", true],
  ])("and this device heard it then, %s", async (_, fails) => {
    keep(waiting("1"));
    const tell = await open({ hears: "asleep" });
    await vi.waitFor(() => expect(sent).toHaveLength(1));
    if (fails) {
      sent[0].answer(new Response(null, { status: 503 }));
      await vi.waitFor(() => expect(kept("1").left).toBe(true));
    }
    await tell({ ...ORDER, ...AWAY });
    await vi.waitFor(() => expect(kept("1")).toMatchObject({ state: "answered", left: true }));
  });
});

describe("the tab that sends for all", () => {
  it("has those hear whom another found out", async () => {
    await open({});
    const other = await open({});
    await other({ ...ORDER, ...AWAY });
    say(waiting("1"));
    await vi.waitFor(() => expect(kept("1").state).toBe("answered"));
    expect(sent).toEqual([]);
  });

  it("is told so again by a tab that finds nothing new, as others may have told otherwise", async () => {
    await open(AWAY);
    const other = await open({ hears: "asleep" });
    const [first] = Channel.all;
    first.onmessage({ data: { ...ORDER, ...AWAY } });
    await other({ ...ORDER, hears: "asleep" });
    say(waiting("1"));
    await vi.waitFor(() => expect(sent).toHaveLength(1));
  });

  it("does not believe a tab that has not heard of the latest choice", async () => {
    await open({ ...HERE, choice: 2 });
    const other = await open({ choice: 1 });
    await other({ ...ORDER, choice: 1 });
    say(waiting("1"));
    await vi.waitFor(() => expect(kept("1").state).toBe("answered"));
    expect(sent).toEqual([]);
  });
});
