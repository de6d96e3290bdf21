/** What wasm/chain.ts exports. Places are byte offsets into `memory`. */
interface Kernels {
  readonly memory: WebAssembly.Memory;
  allocate(bytes: number): number;
  prepare(melBins: number): void;
  transform(samples: number, frames: number, out: number): void;
  convolve(
    samples: number,
    filter: number,
    taps: number,
    phases: number,
    step: number,
    phase: number,
    out: number,
    count: number,
  ): void;
  prepareVoice(): number;
  hearVoice(steps: number, count: number, out: number): void;
}

/** An instance of its own, with its own memory, of chain.simd.wasm or chain.wasm. */
export function instantiate(module: WebAssembly.Module): Kernels {
  return new WebAssembly.Instance(module).exports as unknown as Kernels;
}

/** A module with one vector instruction in it. */
const VECTORS = Uint8Array.from([
  ...[0, 97, 115, 109, 1, 0, 0, 0], // magic number, version 1
  ...[1, 5, 1, 96, 0, 1, 123], // a type: () -> v128
  ...[3, 2, 1, 0], // one function of that type
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11], // i32.const 0, i8x16.splat, i8x16.popcnt
]);

/** Whether this browser runs chain.simd.wasm; where not, chain.wasm does the same, more slowly. */
export function hasSimd(): boolean {
  return WebAssembly.validate(VECTORS);
}
