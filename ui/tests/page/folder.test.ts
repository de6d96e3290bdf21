import { describe, expect, it } from "vitest";

// Of a browser, only what is asked when the module is read.
Object.assign(globalThis, { HTMLInputElement: class {} });
const { recordingsOf } = await import("../../page/folder");

function file(path: string): File {
  return { name: path.split("/").at(-1), webkitRelativePath: path } as File;
}

describe("a folder that was chosen", () => {
  it("stands for the recordings in it, in the order of their names", () => {
    const files = ["talks/2.mp3", "talks/1.WAV", "talks/notes.txt", "talks/.hidden.mp3"];
    const names = recordingsOf([...files, "talks/older/0.mp3"].map(file)).map(({ name }) => name);
    expect(names).toEqual(["1.WAV", "2.mp3"]);
  });
});
