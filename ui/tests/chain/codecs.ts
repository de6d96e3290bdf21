import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { init as initDecoder } from "@jsquash/webp/decode";
import { init as initEncoder } from "@jsquash/webp/encode";

/** Give Node what the lossy codecs find in a browser: a way to fetch them, and ImageData. */
export async function loadCodecs(): Promise<void> {
  const require = createRequire(import.meta.url);
  const codec = (name: string) =>
    new WebAssembly.Module(readFileSync(require.resolve(`@jsquash/webp/codec/${name}`))) as never;
  await initEncoder(codec("enc/webp_enc_simd.wasm"));
  await initDecoder(codec("dec/webp_dec.wasm"));
  globalThis.ImageData ??= class {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
      readonly height: number,
    ) {}
  } as never;
}
