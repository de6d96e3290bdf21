// node tests/chain/pictures.mjs ORDER.json: what the page makes of recordings, for Python to read.

import { resolve } from "node:path";
import { runnerImport } from "vite";

// The program runs while it is imported: afterwards, the runner would load nothing more for it.
const program = resolve(import.meta.dirname, "pictures.ts");
await runnerImport(program, { root: import.meta.dirname, logLevel: "error" });
