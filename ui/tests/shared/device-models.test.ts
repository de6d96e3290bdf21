import { describe, expect, it } from "vitest";
import { bytesOf, type OfferedModel, suited } from "../../shared/device-models";

const file = (bytes: number) => ({ path: `${bytes}`, bytes, sha256: `${bytes}` });
const described = { mel_bins: 80 as const };
const wasm = file(14);
const webgpu = file(27);

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
});
