import { beforeEach, describe, expect, it, vi } from "vitest";

const written: string[] = [];

/** The module as a page has it that was just opened. */
async function opened(storage: Partial<Storage>) {
  vi.resetModules();
  vi.stubGlobal("sessionStorage", storage);
  return import("../../page/left-files");
}

function keeping(kept: string | null): Partial<Storage> {
  return { getItem: () => kept, setItem: (_, value) => void written.push(value) };
}

describe("files that were left", () => {
  beforeEach(() => {
    written.length = 0;
  });

  it("are told after a reload, and after another one", async () => {
    const { leftFiles, rememberFiles } = await opened(keeping('["lecture.wav"]'));
    rememberFiles([]);
    expect(leftFiles()).toEqual(["lecture.wav"]);
    expect(written).toEqual([]);
  });

  it("are remembered when they change, and not whenever they go on", async () => {
    const { rememberFiles } = await opened(keeping(null));
    for (const names of [["one", "two"], ["one", "two"], ["two"], []]) rememberFiles(names);
    expect(written).toEqual(['["one","two"]', '["two"]', "[]"]);
  });

  it("are none where a browser keeps nothing, or something else", async () => {
    const fail = () => {
      throw new DOMException("denied", "SecurityError");
    };
    const { leftFiles, rememberFiles } = await opened({ getItem: fail, setItem: fail });
    rememberFiles(["one"]);
    expect(leftFiles()).toEqual([]);
    expect((await opened(keeping("["))).leftFiles()).toEqual([]);
  });
});
