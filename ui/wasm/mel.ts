// Whisper's log10 mel power, neither floored nor scaled.

import { HOP_LENGTH, N_FFT, SAMPLE_RATE } from "../chain/framing";
import { FREQUENCIES, power, powerSpectrum, prepareTransform } from "./fourier";
import { add, get, mul, set, splat, spread } from "./lanes";

const MOST_MEL_BINS: i32 = 128;
/** No frequency weighs in more than two filters. */
const MOST_WEIGHTS: i32 = 2 * FREQUENCIES;

const windowed: usize = memory.data(N_FFT * 16, 16);
const logarithms: usize = memory.data(MOST_MEL_BINS * 16, 16);
const hann: usize = memory.data(N_FFT * 4, 16);
// Of each filter: its first frequency, how many it has, and its weights, after those of the last.
const firstFrequency: usize = memory.data(MOST_MEL_BINS * 4, 16);
const frequencies: usize = memory.data(MOST_MEL_BINS * 4, 16);
const weights: usize = memory.data(MOST_WEIGHTS * 4, 16);
let melBins: i32 = 0;

/** Choose the number of mel bins, 80 or 128, and prepare all constants. */
export function prepare(bins: i32): void {
  melBins = bins;
  prepareTransform();
  for (let n = 0; n < N_FFT; n++) {
    // Halved, since the spectra of even and odd samples come out doubled.
    const value = 0.5 * (0.5 - 0.5 * Math.cos((2.0 * Math.PI * <f64>n) / <f64>N_FFT));
    store<f32>(hann + (n << 2), <f32>value);
  }
  let used = 0;
  for (let bin = 0; bin < bins; bin++) used += prepareFilter(bin, weights + (used << 2));
}

/** Put a filter's weights, Slaney's triangle of unit area, at `to`; return how many they are. */
function prepareFilter(bin: i32, to: usize): i32 {
  const lower = edge(bin);
  const centre = edge(bin + 1);
  const upper = edge(bin + 2);
  let first = 0;
  let count = 0;
  for (let k = 0; k < FREQUENCIES; k++) {
    const hertz = (<f64>k * <f64>SAMPLE_RATE) / <f64>N_FFT;
    const rising = (hertz - lower) / (centre - lower);
    const falling = (upper - hertz) / (upper - centre);
    const weight = (Math.min(rising, falling) * 2.0) / (upper - lower);
    if (weight <= 0) continue;
    if (count === 0) first = k;
    store<f32>(to + (count << 2), <f32>weight);
    count++;
  }
  store<i32>(firstFrequency + (bin << 2), first);
  store<i32>(frequencies + (bin << 2), count);
  return count;
}

/** Number `i` of the edges of all filters, in hertz: linear up to 1 kHz, logarithmic above. */
function edge(i: i32): f64 {
  const firstLogarithmic = 15.0;
  const step = Math.log(6.4) / 27.0;
  const highest = firstLogarithmic + Math.log(<f64>SAMPLE_RATE / 2.0 / 1000.0) / step;
  const mel = (highest * <f64>i) / <f64>(melBins + 1);
  if (mel < firstLogarithmic) return (mel * 200.0) / 3.0;
  return 1000.0 * Math.exp(step * (mel - firstLogarithmic));
}

/**
 * Transform frames, of which number i begins at sample 160 i.
 *
 * @param samples - f32; up to 3 frames beyond the last are read too, and count for nothing
 * @param out - f32, frame after frame, one number for each mel bin
 */
export function transform(samples: usize, frames: i32, out: usize): void {
  if (ASC_FEATURE_SIMD) {
    for (let frame = 0; frame < frames; frame += 4) {
      windowFour(samples + ((frame * HOP_LENGTH) << 2));
      logMel<v128>();
      separateFour(out + ((frame * melBins) << 2), min(4, frames - frame));
    }
  } else {
    for (let frame = 0; frame < frames; frame++) {
      windowOne(samples + ((frame * HOP_LENGTH) << 2));
      logMel<f32>();
      memory.copy(out + ((frame * melBins) << 2), logarithms, melBins << 2);
    }
  }
}

function windowOne(samples: usize): void {
  for (let n = 0; n < N_FFT; n++) {
    set<f32>(windowed, n, get<f32>(samples, n) * get<f32>(hann, n));
  }
}

/** Window four frames, and put sample n of all four side by side. */
function windowFour(samples: usize): void {
  for (let n: usize = 0; n < 4 * N_FFT; n += 16) {
    const weight = v128.load(hann + n);
    const a = f32x4.mul(v128.load(samples + n), weight);
    const b = f32x4.mul(v128.load(samples + n, 4 * HOP_LENGTH), weight);
    const c = f32x4.mul(v128.load(samples + n, 8 * HOP_LENGTH), weight);
    const d = f32x4.mul(v128.load(samples + n, 12 * HOP_LENGTH), weight);
    storeTransposed(a, b, c, d, windowed + (n << 2), 16);
  }
}

/** Put the first `frames` of the four that stand side by side in `logarithms` in a row. */
function separateFour(out: usize, frames: i32): void {
  const frameBytes = melBins << 2;
  const kept = memory.data(4 * MOST_MEL_BINS * 4, 16);
  for (let bin = 0; bin < melBins; bin += 4) {
    const from = logarithms + (bin << 4);
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    const d = v128.load(from, 48);
    storeTransposed(a, b, c, d, kept + (bin << 2), frameBytes);
  }
  memory.copy(out, kept, frames * frameBytes);
}

/** Store lane 0 of all four at `to`, lane 1 of all four `distance` bytes on, and so forth. */
function storeTransposed(a: v128, b: v128, c: v128, d: v128, to: usize, distance: usize): void {
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
  v128.store(to + distance, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7));
  v128.store(to + 2 * distance, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5));
  v128.store(to + 3 * distance, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7));
}

/** Compute the `logarithms` of the mel power of what is `windowed`. */
function logMel<T>(): void {
  powerSpectrum<T>(windowed);
  let weight = weights;
  for (let bin = 0; bin < melBins; bin++) {
    let k = load<i32>(firstFrequency + (bin << 2));
    const last = k + load<i32>(frequencies + (bin << 2));
    let sum = splat<T>(0);
    for (; k < last; k++) {
      sum = add<T>(sum, mul<T>(get<T>(power, k), spread<T>(weight, 0)));
      weight += 4;
    }
    set<T>(logarithms, bin, log10<T>(sum));
  }
}

const SMALLEST_POWER: f32 = 1e-10;
const ROOT_HALF_BITS: i32 = 0x3f3504f3;
const LOG10_2: f32 = 0.30102999566;

/**
 * Logarithm to base 10 of max(x, 1e-10).
 *
 * x is 2^exponent (1 + f), f between √1/2 - 1 and √2 - 1. There a polynomial of degree 6, fitted to
 * log10(1 + f) / f so that the largest error is least, is off by 1e-7 at most.
 */
function log10<T>(x: T): T {
  let f: T;
  let exponent: T;
  if (isVector<T>()) {
    const bits = f32x4.max(x, f32x4.splat(SMALLEST_POWER));
    const e = i32x4.shr_s(i32x4.sub(bits, i32x4.splat(ROOT_HALF_BITS)), 23);
    f = f32x4.sub(i32x4.sub(bits, i32x4.shl(e, 23)), f32x4.splat(1));
    exponent = f32x4.convert_i32x4_s(e);
  } else {
    const bits = reinterpret<i32>(max<f32>(<f32>x, SMALLEST_POWER));
    const e = (bits - ROOT_HALF_BITS) >> 23;
    f = <T>(reinterpret<f32>(bits - (e << 23)) - <f32>1);
    exponent = <T>(<f32>e);
  }
  const z = mul<T>(f, f);
  // Estrin's scheme: short chains of operations that wait for each other.
  const p01 = add<T>(splat<T>(0.43429589), mul<T>(splat<T>(-0.21715578), f));
  const p23 = add<T>(splat<T>(0.14463439), mul<T>(splat<T>(-0.10805828), f));
  const p45 = add<T>(splat<T>(0.089484958), mul<T>(splat<T>(-0.082090258), f));
  const p456 = add<T>(p45, mul<T>(splat<T>(0.05136609), z));
  const quotient = add<T>(p01, mul<T>(add<T>(p23, mul<T>(p456, z)), z));
  return add<T>(mul<T>(quotient, f), mul<T>(exponent, splat<T>(LOG10_2)));
}
