// The power spectrum of 400 windowed samples, by a complex transform of 200 points.
//
// 200 = 8 x 25 by the prime-factor method: no twiddle factors between the two. 8 = 2 x 4, 25 = 5 x 5.
// In arrays of T, element i holds number i of all lanes' frames. Names: r is a real part, m an
// imaginary one, and the digit says of which point.

import { add, get, mul, set, splat, spread, sub } from "./lanes";

export const N_FFT: i32 = 400;
export const FREQUENCIES: i32 = 201;
const POINTS: i32 = 200;

// The cosines of 72° and 144° are -1/4 plus and minus a quarter of the root of 5.
const ROOT_5_QUARTER: f32 = 0.5590169943749475;
const SIN_72: f32 = 0.9510565162951535;
const SIN_144: f32 = 0.5877852522924731;

// Complex numbers, of which the real part is at an index and the imaginary one at IMAGINARY more:
// the 200 points, and from SCRATCH on what is between two steps. A vector takes 16 bytes.
const points = memory.data(800 * 16, 16);
const IMAGINARY: i32 = 200;
const SCRATCH: i32 = 400;
/** Power of frequencies 0 to 200. */
export const power: usize = memory.data(201 * 16, 16);

// Roots of unity, as pairs of cosine and sine, and permutations.
const roots8 = memory.data(4 * 8, 16);
const roots25 = memory.data(25 * 8, 16);
const roots400 = memory.data(101 * 8, 16);
const inputPlace = memory.data(200 * 4, 16);
const outputPlace = memory.data(201 * 4, 16);

/** Fill in the constants. */
export function prepareTransform(): void {
  for (let k = 0; k < 4; k++) setRoot(roots8, k, -k, 8);
  for (let j = 0; j < 5; j++) {
    for (let k = 0; k < 5; k++) setRoot(roots25, 5 * j + k, -j * k, 25);
  }
  for (let k = 0; k <= 100; k++) setRoot(roots400, k, -k, 400);
  for (let n2 = 0; n2 < 25; n2++) {
    for (let n1 = 0; n1 < 8; n1++) {
      store<i32>(inputPlace + ((8 * n2 + n1) << 2), (25 * n1 + 8 * n2) % POINTS);
    }
  }
  for (let k = 0; k <= POINTS; k++) {
    store<i32>(outputPlace + (k << 2), (k % 8) * 25 + ((k % POINTS) % 25));
  }
}

/** Put number `k` of the `n`-th roots of unity at `index`. */
function setRoot(roots: usize, index: i32, k: i32, n: i32): void {
  const angle = (2.0 * Math.PI * <f64>k) / <f64>n;
  store<f32>(roots + (index << 3), <f32>Math.cos(angle));
  store<f32>(roots + (index << 3), <f32>Math.sin(angle), 4);
}

/** Compute the power spectra of the frames at `windowed`: 400 elements of T in, 201 in `power`. */
export function powerSpectrum<T>(windowed: usize): void {
  for (let n2 = 0; n2 < 25; n2++) transform8<T>(windowed, n2);
  for (let k1 = 0; k1 < 8; k1++) transform25<T>(25 * k1);
  separate<T>();
}

/** Transform the points 25 n1 + 8 n2 of n1 = 0 … 7, to n2, n2 + 25, … */
function transform8<T>(windowed: usize, n2: i32): void {
  transform4<T>(windowed, 8 * n2, SCRATCH);
  transform4<T>(windowed, 8 * n2 + 1, SCRATCH + 4);
  for (let k = 0; k < 4; k++) {
    const evenR = real<T>(SCRATCH + k);
    const evenM = imaginary<T>(SCRATCH + k);
    const oddR = turnedReal<T>(real<T>(SCRATCH + 4 + k), imaginary<T>(SCRATCH + 4 + k), roots8, k);
    const oddM = turnedImaginary<T>(
      real<T>(SCRATCH + 4 + k),
      imaginary<T>(SCRATCH + 4 + k),
      roots8,
      k,
    );
    setPoint<T>(n2 + 25 * k, add<T>(evenR, oddR), add<T>(evenM, oddM));
    setPoint<T>(n2 + 25 * k + 100, sub<T>(evenR, oddR), sub<T>(evenM, oddM));
  }
}

/** Transform every second of 8 points, to `to`. Sample 2n is real, sample 2n + 1 imaginary. */
function transform4<T>(windowed: usize, first: i32, to: i32): void {
  const i0 = 2 * load<i32>(inputPlace + (first << 2));
  const i1 = 2 * load<i32>(inputPlace + (first << 2), 8);
  const i2 = 2 * load<i32>(inputPlace + (first << 2), 16);
  const i3 = 2 * load<i32>(inputPlace + (first << 2), 24);
  const sum02r = add<T>(get<T>(windowed, i0), get<T>(windowed, i2));
  const sum02m = add<T>(get<T>(windowed, i0 + 1), get<T>(windowed, i2 + 1));
  const sum13r = add<T>(get<T>(windowed, i1), get<T>(windowed, i3));
  const sum13m = add<T>(get<T>(windowed, i1 + 1), get<T>(windowed, i3 + 1));
  const difference02r = sub<T>(get<T>(windowed, i0), get<T>(windowed, i2));
  const difference02m = sub<T>(get<T>(windowed, i0 + 1), get<T>(windowed, i2 + 1));
  const difference13r = sub<T>(get<T>(windowed, i1), get<T>(windowed, i3));
  const difference13m = sub<T>(get<T>(windowed, i1 + 1), get<T>(windowed, i3 + 1));
  setPoint<T>(to, add<T>(sum02r, sum13r), add<T>(sum02m, sum13m));
  setPoint<T>(to + 1, add<T>(difference02r, difference13m), sub<T>(difference02m, difference13r));
  setPoint<T>(to + 2, sub<T>(sum02r, sum13r), sub<T>(sum02m, sum13m));
  setPoint<T>(to + 3, sub<T>(difference02r, difference13m), add<T>(difference02m, difference13r));
}

/** Transform the 25 points from `first` on, in place. */
function transform25<T>(first: i32): void {
  for (let j = 0; j < 5; j++) transform5<T>(first + j, SCRATCH + 5 * j, 1);
  for (let i = 6; i < 25; i++) {
    const r = real<T>(SCRATCH + i);
    const m = imaginary<T>(SCRATCH + i);
    setPoint<T>(SCRATCH + i, turnedReal<T>(r, m, roots25, i), turnedImaginary<T>(r, m, roots25, i));
  }
  for (let k = 0; k < 5; k++) transform5<T>(SCRATCH + k, first + k, 5);
}

/** Transform 5 points, `from`, `from` + 5, …, to `to`, `to` + `step`, … */
function transform5<T>(from: i32, to: i32, step: i32): void {
  const r0 = real<T>(from);
  const m0 = imaginary<T>(from);
  const sum14r = add<T>(real<T>(from + 5), real<T>(from + 20));
  const sum14m = add<T>(imaginary<T>(from + 5), imaginary<T>(from + 20));
  const sum23r = add<T>(real<T>(from + 10), real<T>(from + 15));
  const sum23m = add<T>(imaginary<T>(from + 10), imaginary<T>(from + 15));
  const difference14r = sub<T>(real<T>(from + 5), real<T>(from + 20));
  const difference14m = sub<T>(imaginary<T>(from + 5), imaginary<T>(from + 20));
  const difference23r = sub<T>(real<T>(from + 10), real<T>(from + 15));
  const difference23m = sub<T>(imaginary<T>(from + 10), imaginary<T>(from + 15));

  const sumR = add<T>(sum14r, sum23r);
  const sumM = add<T>(sum14m, sum23m);
  const middleR = sub<T>(r0, mul<T>(splat<T>(0.25), sumR));
  const middleM = sub<T>(m0, mul<T>(splat<T>(0.25), sumM));
  const spreadR = mul<T>(splat<T>(ROOT_5_QUARTER), sub<T>(sum14r, sum23r));
  const spreadM = mul<T>(splat<T>(ROOT_5_QUARTER), sub<T>(sum14m, sum23m));
  const even1r = add<T>(middleR, spreadR);
  const even1m = add<T>(middleM, spreadM);
  const even2r = sub<T>(middleR, spreadR);
  const even2m = sub<T>(middleM, spreadM);
  const odd1r = combined<T>(SIN_72, difference14r, SIN_144, difference23r);
  const odd1m = combined<T>(SIN_72, difference14m, SIN_144, difference23m);
  const odd2r = combined<T>(SIN_144, difference14r, -SIN_72, difference23r);
  const odd2m = combined<T>(SIN_144, difference14m, -SIN_72, difference23m);

  setPoint<T>(to, add<T>(r0, sumR), add<T>(m0, sumM));
  setPoint<T>(to + step, add<T>(even1r, odd1m), sub<T>(even1m, odd1r));
  setPoint<T>(to + 2 * step, add<T>(even2r, odd2m), sub<T>(even2m, odd2r));
  setPoint<T>(to + 3 * step, sub<T>(even2r, odd2m), add<T>(even2m, odd2r));
  setPoint<T>(to + 4 * step, sub<T>(even1r, odd1m), add<T>(even1m, odd1r));
}

function real<T>(index: i32): T {
  return get<T>(points, index);
}

function imaginary<T>(index: i32): T {
  return get<T>(points, index + IMAGINARY);
}

function setPoint<T>(index: i32, r: T, m: T): void {
  set<T>(points, index, r);
  set<T>(points, index + IMAGINARY, m);
}

function combined<T>(a: f32, x: T, b: f32, y: T): T {
  return add<T>(mul<T>(splat<T>(a), x), mul<T>(splat<T>(b), y));
}

/** Separate the spectra of even and odd samples, join them, and take the power. */
function separate<T>(): void {
  for (let k = 0; k <= 100; k++) {
    const p = load<i32>(outputPlace + (k << 2));
    const q = load<i32>(outputPlace + ((POINTS - k) << 2));
    const evenR = add<T>(real<T>(p), real<T>(q));
    const evenM = sub<T>(imaginary<T>(p), imaginary<T>(q));
    const oddR = add<T>(imaginary<T>(p), imaginary<T>(q));
    const oddM = sub<T>(real<T>(q), real<T>(p));
    const turnedR = turnedReal<T>(oddR, oddM, roots400, k);
    const turnedM = turnedImaginary<T>(oddR, oddM, roots400, k);
    set<T>(power, k, squared<T>(add<T>(evenR, turnedR), add<T>(evenM, turnedM)));
    set<T>(power, POINTS - k, squared<T>(sub<T>(evenR, turnedR), sub<T>(evenM, turnedM)));
  }
}

/** The real part of a product with root number `k`. */
function turnedReal<T>(r: T, m: T, roots: usize, k: i32): T {
  return sub<T>(mul<T>(r, spread<T>(roots, 2 * k)), mul<T>(m, spread<T>(roots, 2 * k + 1)));
}

/** The imaginary part of a product with root number `k`. */
function turnedImaginary<T>(r: T, m: T, roots: usize, k: i32): T {
  return add<T>(mul<T>(r, spread<T>(roots, 2 * k + 1)), mul<T>(m, spread<T>(roots, 2 * k)));
}

function squared<T>(r: T, m: T): T {
  return add<T>(mul<T>(r, r), mul<T>(m, m));
}
