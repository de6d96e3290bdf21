import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { SAID_OF } from "../../page/privacy-words";

const WRITTEN = readFileSync(resolve(import.meta.dirname, "../../../docs/privacy.md"), "utf-8");

test.each(Object.entries(SAID_OF))("the setting says of %s what is written of it", (_, said) => {
  expect(WRITTEN.replace(/\s+/g, " ")).toContain(said);
});
