// Serves bench/wasm_mel.py. Prints the program for a browser first; then, for each line that it
// reads, what that program measures here in Node.

import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "vite";

const { output } = await build({
  configFile: false,
  logLevel: "error",
  build: {
    write: false,
    lib: { entry: resolve(import.meta.dirname, "mel.ts"), formats: ["es"] },
  },
}).then((results) => [results].flat()[0]);
const { code } = output[0];
console.log(JSON.stringify(code));

const { measure } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
for await (const line of createInterface(process.stdin)) {
  const [one, clips] = JSON.parse(line);
  console.log(JSON.stringify(measure(one, clips)));
}
