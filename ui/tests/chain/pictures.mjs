// node tests/chain/pictures.mjs ORDER.json: what the page makes of recordings, for Python to read.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { runnerImport } from "vite";

const program = resolve(import.meta.dirname, "pictures.ts");
const { module } = await runnerImport(program, { root: import.meta.dirname, logLevel: "error" });
await module.makePictures(JSON.parse(readFileSync(process.argv[2], "utf-8")));
