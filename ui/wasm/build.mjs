// Compiles the kernels twice from one source, with and without SIMD, into wasm/build.

import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import asc from "assemblyscript/asc";

const room = import.meta.dirname;
const builds = [
  { name: "chain.simd.wasm", options: ["--enable", "simd"] },
  { name: "chain.wasm", options: [] },
];

await mkdir(resolve(room, "build"), { recursive: true });
for (const { name, options } of builds) {
  const { error, stderr } = await asc.main([
    resolve(room, "chain.ts"),
    ...["--outFile", resolve(room, "build", name)],
    ...["--runtime", "stub", "-O3", "--noAssert", "--use", "abort="],
    // Vectors cross no boundary between JavaScript and WASM, only those between files.
    ...["--disableWarning", "112"],
    ...options,
  ]);
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
}
