// Whisper's log10 mel power of a stream of samples, neither floored nor scaled.

import { FREQUENCIES, N_FFT, powerOf, powerSpectrum, prepareTransform } from "./fourier";
import { add, get, lanes, mul, set, splat, spread } from "./lanes";

const HOP: i32 = 160;
const SAMPLE_RATE: f64 = 16000;
const MAX_MELS: i32 = 128;

const windowed: usize = memory.data(400 * 16, 16);
const hann: usize = memory.data(400 * 4, 16);
const firstFrequency: usize = memory.data(128 * 4, 16);
const frequencies: usize = memory.data(128 * 4, 16);
const weights: usize = memory.data(1024 * 4, 16);
let mels: i32 = 80;

/** Choose the number of mel bins, 80 or 128, and prepare all constants. */
export function prepare(nMels: i32): void {
  mels = nMels;
  prepareTransform();
  for (let n = 0; n < N_FFT; n++) {
    // Halved, since the two transforms of even and odd samples come out doubled.
    const value = 0.5 * (0.5 - 0.5 * Math.cos((2.0 * Math.PI * <f64>n) / 400.0));
    store<f32>(hann + (n << 2), <f32>value);
  }
  let used = 0;
  for (let m = 0; m < nMels; m++) {
    const lower = edge(m, nMels),
      centre = edge(m + 1, nMels),
      upper = edge(m + 2, nMels);
    let first = -1,
      count = 0;
    for (let k = 0; k < FREQUENCIES; k++) {
      const hertz = (<f64>k * SAMPLE_RATE) / 400.0;
      const rising = (hertz - lower) / (centre - lower),
        falling = (upper - hertz) / (upper - centre);
      const weight = Math.min(rising, falling);
      if (weight <= 0) continue;
      if (first < 0) first = k;
      store<f32>(weights + ((used + count) << 2), <f32>((weight * 2.0) / (upper - lower)));
      count++;
    }
    store<i32>(firstFrequency + (m << 2), first < 0 ? 0 : first);
    store<i32>(frequencies + (m << 2), count);
    used += count;
  }
}

/** Slaney's mel scale: edge number i of nMels + 2, in hertz. */
function edge(i: i32, nMels: i32): f64 {
  const step = Math.log(6.4) / 27.0,
    linear = 15.0;
  const highest = linear + Math.log(8.0) / step;
  const mel = (highest * <f64>i) / <f64>(nMels + 1);
  return mel < linear ? (mel * 200.0) / 3.0 : 1000.0 * Math.exp(step * (mel - linear));
}

/**
 * Transform frames: frame i begins at sample 160 i. Frame-major output, nMels numbers a frame.
 * Reads up to 3 frames beyond the last, which have to be readable memory.
 */
export function transform(samples: usize, frames: i32, out: usize): void {
  if (ASC_FEATURE_SIMD) {
    for (let frame = 0; frame < frames; frame += 4) {
      windowFour(samples + ((frame * HOP) << 2));
      spectrumOf<v128>(out + ((frame * mels) << 2), min(4, frames - frame));
    }
  } else {
    for (let frame = 0; frame < frames; frame++) {
      const from = samples + ((frame * HOP) << 2);
      for (let n = 0; n < N_FFT; n++) {
        store<f32>(windowed + (n << 2), load<f32>(from + (n << 2)) * load<f32>(hann + (n << 2)));
      }
      spectrumOf<f32>(out + ((frame * mels) << 2), 1);
    }
  }
}

/** Window four frames, and put number n of all four side by side. */
function windowFour(samples: usize): void {
  for (let n: usize = 0; n < 1600; n += 16) {
    const w = v128.load(hann + n);
    const a = f32x4.mul(v128.load(samples + n), w);
    const b = f32x4.mul(v128.load(samples + n, 640), w);
    const c = f32x4.mul(v128.load(samples + n, 1280), w);
    const d = f32x4.mul(v128.load(samples + n, 1920), w);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5),
      cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const ef = v128.shuffle<f32>(a, b, 2, 6, 3, 7),
      gh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    const to = windowed + (n << 2);
    v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
    v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 16);
    v128.store(to, v128.shuffle<f32>(ef, gh, 0, 1, 4, 5), 32);
    v128.store(to, v128.shuffle<f32>(ef, gh, 2, 3, 6, 7), 48);
  }
}

const logarithms: usize = memory.data(128 * 16, 16);

function spectrumOf<T>(out: usize, frames: i32): void {
  powerSpectrum<T>(windowed);
  const power = powerOf();
  let weight = weights;
  for (let m = 0; m < mels; m++) {
    let k = load<i32>(firstFrequency + (m << 2));
    const last = k + load<i32>(frequencies + (m << 2));
    let sum = splat<T>(0);
    for (; k < last; k++) {
      sum = add<T>(sum, mul<T>(get<T>(power, k), spread<T>(weight, 0)));
      weight += 4;
    }
    set<T>(logarithms, m, log10<T>(sum));
  }
  if (isVector<T>()) {
    // Back to one frame after the other.
    for (let m = 0; m < mels; m += 4) {
      const from = logarithms + (m << 4);
      const a = v128.load(from),
        b = v128.load(from, 16),
        c = v128.load(from, 32),
        d = v128.load(from, 48);
      const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5),
        cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const ef = v128.shuffle<f32>(a, b, 2, 6, 3, 7),
        gh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const to = out + (m << 2);
      v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
      if (frames > 1) v128.store(to + (mels << 2), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
      if (frames > 2) v128.store(to + (mels << 3), v128.shuffle<f32>(ef, gh, 0, 1, 4, 5));
      if (frames > 3) v128.store(to + mels * 12, v128.shuffle<f32>(ef, gh, 2, 3, 6, 7));
    }
  } else {
    memory.copy(out, logarithms, mels << 2);
  }
}

const SMALLEST: f32 = 1e-10;
const ROOT_HALF_BITS: i32 = 0x3f3504f3;
const LOG10_2: f32 = 0.30102999566;
const LOG10_E: f32 = 0.4342944819;

/** Logarithm to base 10 of max(x, 1e-10), by Cephes' polynomial on [sqrt 1/2, sqrt 2]. */
function log10<T>(x: T): T {
  let f: T, exponent: T;
  if (isVector<T>()) {
    const bits = f32x4.max(x, f32x4.splat(SMALLEST));
    const e = i32x4.shr_s(i32x4.sub(bits, i32x4.splat(ROOT_HALF_BITS)), 23);
    f = f32x4.sub(i32x4.sub(bits, i32x4.shl(e, 23)), f32x4.splat(1));
    exponent = f32x4.convert_i32x4_s(e);
  } else {
    const bits = reinterpret<i32>(max<f32>(<f32>x, SMALLEST));
    const e = (bits - ROOT_HALF_BITS) >> 23;
    f = <T>(reinterpret<f32>(bits - (e << 23)) - <f32>1);
    exponent = <T>(<f32>e);
  }
  const z = mul<T>(f, f);
  let y = splat<T>(7.0376836292e-2);
  y = add<T>(mul<T>(y, f), splat<T>(-1.151461031e-1));
  y = add<T>(mul<T>(y, f), splat<T>(1.167699874e-1));
  y = add<T>(mul<T>(y, f), splat<T>(-1.2420140846e-1));
  y = add<T>(mul<T>(y, f), splat<T>(1.4249322787e-1));
  y = add<T>(mul<T>(y, f), splat<T>(-1.6668057665e-1));
  y = add<T>(mul<T>(y, f), splat<T>(2.0000714765e-1));
  y = add<T>(mul<T>(y, f), splat<T>(-2.4999993993e-1));
  y = add<T>(mul<T>(y, f), splat<T>(3.3333331174e-1));
  y = add<T>(mul<T>(mul<T>(y, f), z), mul<T>(z, splat<T>(-0.5)));
  const natural = mul<T>(add<T>(f, y), splat<T>(LOG10_E));
  return add<T>(natural, mul<T>(exponent, splat<T>(LOG10_2)));
}
