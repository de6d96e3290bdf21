import { expect, test } from "vitest";
import { dropped } from "../../page/dropped";

function file(name: string) {
  return {
    isFile: true,
    isDirectory: false,
    name,
    file: (take: (file: File) => void) => take(new File(["x"], name)),
  };
}

function folder(name: string, entries: unknown[]) {
  const parts = [entries.slice(0, 2), entries.slice(2), []];
  const createReader = () => ({
    readEntries: (take: (some: unknown[]) => void) => take(parts.shift() ?? []),
  });
  return { isFile: false, isDirectory: true, name, createReader };
}

async function names(entries: unknown[], files: File[] = []) {
  const items = entries.map((entry) => ({ webkitGetAsEntry: () => entry }));
  const found = await dropped({ items, files } as unknown as DataTransfer);
  return [found.files.map(({ name }) => name), found.empty];
}

test("files are taken as they are, whatever their names", async () => {
  expect(await names([file("a.txt")], [new File([], "a.txt")])).toEqual([["a.txt"], []]);
});

test("a folder is its recordings in order", async () => {
  const inner = folder("deeper", [file("d.wav")]);
  const found = folder("f", [
    file("b.MP3"),
    file("notes.txt"),
    file(".x.wav"),
    inner,
    file("a.wav"),
  ]);
  expect(await names([file("z.bin"), found])).toEqual([["z.bin", "a.wav", "b.MP3"], []]);
});

test("a folder without recordings is named", async () => {
  expect(await names([folder("papers", [file("a.pdf")])])).toEqual([[], ["papers"]]);
});
