import { describe, expect, it } from "vitest";
import {
  bytesOf,
  firstThat,
  isOutdated,
  type OfferedModel,
  type Runtime,
  suited,
} from "../../shared/device-models";

declare const RUNTIME_DIGESTS: Record<Runtime, string>;

const file = (bytes: number) => ({ path: `${bytes}`, bytes, sha256: `${bytes}` });
const described = { mel_bins: 80 as const };
const wasm = { ...file(14), sha256: RUNTIME_DIGESTS.wasm };
const webgpu = { ...file(27), sha256: RUNTIME_DIGESTS.webgpu };

function offered(id: string, precision: string, bytes: number, graphics: boolean): OfferedModel {
  return {
    ...described,
    id,
    languages: ["en"],
    tasks: ["transcribe"],
    precision,
    graphs: 2,
    runtimes: graphics ? { wasm, webgpu } : { wasm },
    files: { encoder: file(bytes), decoder: file(bytes), tokens: file(1) },
  };
}

const models = [
  offered("tiny.en", "int8", 20, false),
  offered("tiny.en", "float16", 40, true),
  offered("tiny.en", "float32", 80, true),
];

function names(graphics: boolean): string[] {
  return suited(models, graphics).map(({ precision, runs_on }) => `${precision} ${runs_on}`);
}

describe("of the models that are offered", () => {
  it("a processor runs all, the smallest first", () => {
    expect(names(false)).toEqual(["int8 wasm", "float16 wasm", "float32 wasm"]);
  });

  it("a graphics processor runs what it can, and that comes first", () => {
    expect(names(true)).toEqual(["float16 webgpu", "float32 webgpu", "int8 wasm"]);
  });

  it("only the runtime that a model runs on is fetched", () => {
    expect(suited(models, true).map(bytesOf)).toEqual([108, 188, 55]);
    expect(suited(models, false).map(bytesOf)).toEqual([55, 95, 175]);
  });

  it("what this device has no runtime for is left out", () => {
    const alone = { ...offered("tiny.en", "float16", 40, true), runtimes: { webgpu } };
    expect(suited([alone], false)).toEqual([]);
    expect(suited([alone], true)).toHaveLength(1);
  });

  it("what another version of this page runs is left out, whatever it runs on", () => {
    const newer = [
      { ...models[0], graphs: 3 },
      { ...models[1], runtimes: { wasm: file(15), webgpu: file(28) } },
    ];
    for (const graphics of [false, true]) {
      expect(suited(newer, graphics)).toEqual([]);
      expect(isOutdated(newer, graphics)).toBe(true);
      expect(suited([...newer, models[2]], graphics)).toHaveLength(1);
      expect(isOutdated([...newer, models[2]], graphics)).toBe(false);
    }
  });

  it("a page is outdated by none that is offered to nobody, or to other devices", () => {
    expect(isOutdated([], true)).toBe(false);
    const alone = { ...models[1], runtimes: { webgpu: file(28) } };
    expect(isOutdated([alone], false)).toBe(false);
  });
});

describe("while a fleet wakes up", () => {
  const small = offered("tiny.en", "int8", 20, false);
  const large: OfferedModel = {
    ...offered("base", "int8", 60, false),
    languages: ["en", "de", "yue"],
    tasks: ["transcribe", "translate"],
  };

  it.each([
    ["in English, the smallest", "en", "transcribe", ["de-DE"], "tiny.en"],
    ["in another language, one that knows it", "de", "transcribe", ["en-US"], "base"],
    ["in a language that none knows, none", "fr", "transcribe", ["fr"], null],
    ["for words in English, one that translates", "", "translate", ["en"], "base"],
    [
      "in whichever language, for who reads English, the smallest",
      "",
      "transcribe",
      ["en-GB"],
      "tiny.en",
    ],
    ["for who reads another one, one of many languages", "", "transcribe", ["de", "en"], "base"],
    ["where nothing is said, the smallest", "", "transcribe", [], "tiny.en"],
  ] as const)("%s is offered", (_, language, task, spoken, expected) => {
    const found = firstThat(suited([small, large], false), language, task, spoken);
    expect(found?.id ?? null).toBe(expected);
  });

  it("who reads another language is offered one that knows English alone where there is no other", () => {
    expect(firstThat(suited([small], false), "", "transcribe", ["de"])?.id).toBe("tiny.en");
    expect(firstThat(suited([small], false), "", "translate", ["de"])).toBeNull();
  });
});
