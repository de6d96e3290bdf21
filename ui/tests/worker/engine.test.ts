import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { encodePng } from "../../chain/png";
import { type Decoded, decode, type Search } from "../../engine/decoding";
import { Tokens } from "../../engine/tokens";
import type { Model } from "../../engine/windows";
import type { Database } from "../../shared/database";
import type { DeviceModel, EngineOrder, EngineReport } from "../../shared/device-models";
import type { Translation, Utterance } from "../../shared/messages";
import type { Outcome } from "../../worker/request";
import { BUILDS } from "../chain/vectors";
import { vocabulary } from "../engine/vectors";

const LANGUAGES: [string, string][] = [
  ["en", "english"],
  ["zh", "chinese"],
  ["de", "german"],
];
const BASE = {
  id: "base",
  mel_bins: 80,
  languages: LANGUAGES.map(([code]) => code),
  tasks: ["transcribe", "translate"],
  runs_on: "wasm",
  files: {},
} as unknown as DeviceModel;
const ENGLISH = {
  ...BASE,
  id: "tiny.en",
  languages: ["en"],
  tasks: ["transcribe"],
} satisfies DeviceModel;
const UTTERANCE = {
  id: "one",
  state: "waiting",
  type: "image/png",
  wishes: { language: "", task: "transcribe" },
  start: 0,
  end: 1,
} as unknown as Utterance;
const PICTURE = encodePng({
  melBins: 80,
  frames: 100,
  pixels: Uint8Array.from({ length: 8000 }, (_, place) => place),
  minimum: -0.5,
  maximum: 1.5,
});

/** What the models were asked to go on from. */
const prompts: (readonly number[])[] = [];
let model: Model;

vi.mock("../../engine/onnx", () => ({ loadModel: async () => model }));
vi.mock("../../shared/device-models", async (actual) => ({
  ...(await actual<object>()),
  isCurrent: () => true,
  keptFile: async () => new Blob(["{}"]),
}));

/** A model that hears German, and says that all is well. */
function hearing(name: string): Model {
  const tokens = new Tokens({ ...vocabulary(name).table, languages: LANGUAGES });
  const zero = tokens.table.first_timestamp;
  const said = [zero, ...tokens.encode(" All is well."), zero + 50];
  return {
    tokens,
    encode: async () => ({
      language: async () => "de",
      align: async () => [],
      decode: async (prompt): Promise<Decoded> => {
        prompts.push(prompt);
        const probabilities = said.map(() => 1);
        return { tokens: said, probabilities, averageLogarithm: -0.1, noSpeech: 0 };
      },
    }),
  };
}

/** Hands on what the two sides of a worker say, which here is on this thread. */
const scope = {
  onmessage: (_: { data: EngineOrder }) => {},
  postMessage: (report: EngineReport) => Thread.here?.onmessage({ data: report }),
};

class Thread {
  static here: Thread | null = null;
  onmessage: (event: { data: EngineReport }) => void = () => {};

  constructor() {
    Thread.here = this;
  }

  postMessage(order: EngineOrder): void {
    scope.onmessage({ data: order });
  }

  terminate(): void {}
}

beforeAll(() => {
  vi.stubGlobal("self", scope);
  vi.stubGlobal("Worker", Thread);
  vi.stubGlobal("fetch", async () => new Response());
  vi.spyOn(WebAssembly, "compileStreaming").mockResolvedValue(BUILDS[0].module);
});
afterAll(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});
beforeEach(async () => {
  vi.resetModules();
  prompts.length = 0;
  model = hearing("multilingual");
  await vi.importActual("../../worker/engine");
});

async function ask(described: DeviceModel, changes: Partial<Utterance> = {}): Promise<Outcome> {
  const { transcribeHere } = await import("../../worker/here");
  const utterance = { ...UTTERANCE, ...changes };
  return transcribeHere(described, utterance, PICTURE, new AbortController().signal);
}

function wishing(language: string): Partial<Utterance> {
  return { wishes: { ...UTTERANCE.wishes, language } };
}

it.each(["de", "german"])("hears in a language that was called %s", async (language) => {
  const outcome = await ask(BASE, wishing(language));
  expect(outcome).toMatchObject({ answer: { text: "All is well.", language: "german" } });
  expect(prompts[0]).toEqual(model.tokens.start("de", "transcribe"));
});

it("hears what is being said in the language that was heard before", async () => {
  const before = await ask(BASE);
  const language = (before.kind === "answered" && before.answer.language) || "";
  expect(language).toBe("german");
  const interim = await ask(BASE, { ...wishing(language), id: "two", state: "open" });
  expect(interim).toMatchObject({ answer: { text: "All is well." } });
  expect(prompts[1]).toEqual(prompts[0]);
});

it("puts English beside words whose language it found itself", async () => {
  const { Translations } = await import("../../worker/translations");
  const { transcribe } = await import("../../worker/request");
  const heard = await ask(BASE);
  const kept = { ...UTTERANCE, ...heard };
  const database = { get: async (store: string) => (store === "pictures" ? PICTURE : kept) };
  const translated = new Promise<Translation>((resolve) => {
    const service = { address: "", key: "", hears: "device", device: BASE } as const;
    const translations = new Translations(
      database as unknown as Database,
      async (...asked) => ({ ...(await transcribe(service, ...asked)), leaves: false }),
      async (_, found) => resolve(found),
    );
    translations.want({ kind: "translate", utterances: ["one"], model: "" });
    void translations.send(() => {});
  });
  expect(await translated).toMatchObject({ text: "All is well.", problem: null });
  expect(prompts[1]).toEqual(model.tokens.start("de", "translate"));
});

it("refuses what it does not know, whatever it is called", async () => {
  model = hearing("gpt2");
  for (const language of ["de", "german"]) {
    const refused = await ask(ENGLISH, wishing(language));
    expect(refused).toMatchObject({ kind: "refused", reason: expect.stringContaining("English") });
  }
  expect(await ask(ENGLISH, wishing("english"))).toMatchObject({ kind: "answered" });
});

it.each([
  ["runs what was fetched", 0, false],
  ["does not run what was fetched where its driver makes no numbers", Number.NaN, true],
])("a graphics processor %s", async (_, fault, unfit) => {
  const { tokens } = hearing("gpt2");
  const { first_timestamp: zero, end_of_text: end } = tokens.table;
  const steps = async () => {
    const logits = new Float32Array(zero + 1501).fill(-9);
    logits[zero] = logits[end] = 9;
    return logits.map((logit) => logit + fault);
  };
  const window = {
    language: async () => "en",
    align: async () => [],
    decode: (prompt: readonly number[], search: Search, stop: AbortSignal) =>
      decode({ step: steps }, prompt, tokens, search, stop),
  };
  model = { tokens, encode: async () => window };
  const told = new Promise<EngineReport>((resolve) => {
    Thread.here = Object.assign(new Thread(), {
      onmessage: ({ data }: { data: EngineReport }) => resolve(data),
    });
  });
  const order = { kind: "fetch", address: "", model: { ...ENGLISH, runs_on: "webgpu" } } as const;
  scope.onmessage({ data: order });
  expect(await told).toEqual({ kind: "fetched", problem: null, unfit });
});
