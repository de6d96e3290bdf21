import { strFromU8, unzipSync } from "fflate";
import { expect, it } from "vitest";
import { archive } from "../../page/archive";

it("an archive has all files, those of the same name with a number", async () => {
  const names = ["a.txt", "A.txt", "a.txt", "a.b.srt", "none", "none"];
  const files = names.map((name, at) => new File([`${at} 🎉`], name));
  const zip = await archive("all.zip", files);
  expect(zip.name).toBe("all.zip");
  const held = unzipSync(new Uint8Array(await zip.arrayBuffer()));
  expect(Object.entries(held).map(([name, bytes]) => [name, strFromU8(bytes)])).toEqual([
    ["a.txt", "0 🎉"],
    ["A (2).txt", "1 🎉"],
    ["a (3).txt", "2 🎉"],
    ["a.b.srt", "3 🎉"],
    ["none", "4 🎉"],
    ["none (2)", "5 🎉"],
  ]);
});
