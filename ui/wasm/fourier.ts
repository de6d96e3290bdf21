// The power spectrum of 400 windowed samples, by a complex transform of 200 points.
//
// 200 = 8 x 25 by the prime-factor method: no twiddle factors between the two. 8 = 2 x 4, and
// 25 = 5 x 5. Names: r is a real part, m an imaginary one, and the digits say of which points.

import { add, get, mul, set, splat, spread, sub } from "./lanes";

export const FREQUENCIES: i32 = 201;
const POINTS: i32 = 200;

// The cosines of 72° and 144° are -1/4 plus and minus a quarter of the root of 5.
const ROOT_5_QUARTER: f32 = 0.5590169943749475;
const SIN_72: f32 = 0.9510565162951535;
const SIN_144: f32 = 0.5877852522924731;

// Complex numbers, two elements of T each: 200 points, and what is between two steps.
const points = memory.data(400 * 16, 16);
const scratch = memory.data(50 * 16, 16);
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
  for (let k1 = 0; k1 < 8; k1++) transform25<T>(points + 25 * k1 * complex<T>());
  separate<T>();
}

/** Transform the points 25 n1 + 8 n2 of n1 = 0 … 7, to n2, n2 + 25, … */
function transform8<T>(windowed: usize, n2: i32): void {
  transform4<T>(windowed, inputPlace + ((8 * n2) << 2), scratch);
  transform4<T>(windowed, inputPlace + ((8 * n2 + 1) << 2), scratch + 4 * complex<T>());
  let from = scratch;
  let to = points + n2 * complex<T>();
  for (let k = 0; k < 4; k++) {
    const evenR = real<T>(from);
    const evenM = imaginary<T>(from);
    const r = real<T>(from + 4 * complex<T>());
    const m = imaginary<T>(from + 4 * complex<T>());
    const oddR = turnedReal<T>(r, m, roots8, k);
    const oddM = turnedImaginary<T>(r, m, roots8, k);
    setComplex<T>(to, add<T>(evenR, oddR), add<T>(evenM, oddM));
    setComplex<T>(to + 100 * complex<T>(), sub<T>(evenR, oddR), sub<T>(evenM, oddM));
    from += complex<T>();
    to += 25 * complex<T>();
  }
}

/** Transform every second of 8 points, to `to`. Sample 2n is real, sample 2n + 1 imaginary. */
function transform4<T>(windowed: usize, places: usize, to: usize): void {
  const p0 = windowed + load<i32>(places) * complex<T>();
  const p1 = windowed + load<i32>(places, 8) * complex<T>();
  const p2 = windowed + load<i32>(places, 16) * complex<T>();
  const p3 = windowed + load<i32>(places, 24) * complex<T>();
  const sum02r = add<T>(real<T>(p0), real<T>(p2));
  const sum02m = add<T>(imaginary<T>(p0), imaginary<T>(p2));
  const sum13r = add<T>(real<T>(p1), real<T>(p3));
  const sum13m = add<T>(imaginary<T>(p1), imaginary<T>(p3));
  const difference02r = sub<T>(real<T>(p0), real<T>(p2));
  const difference02m = sub<T>(imaginary<T>(p0), imaginary<T>(p2));
  const difference13r = sub<T>(real<T>(p1), real<T>(p3));
  const difference13m = sub<T>(imaginary<T>(p1), imaginary<T>(p3));
  const step = complex<T>();
  setComplex<T>(to, add<T>(sum02r, sum13r), add<T>(sum02m, sum13m));
  setComplex<T>(
    to + step,
    add<T>(difference02r, difference13m),
    sub<T>(difference02m, difference13r),
  );
  setComplex<T>(to + 2 * step, sub<T>(sum02r, sum13r), sub<T>(sum02m, sum13m));
  setComplex<T>(
    to + 3 * step,
    sub<T>(difference02r, difference13m),
    add<T>(difference02m, difference13r),
  );
}

/** Transform 25 points in place. */
function transform25<T>(first: usize): void {
  const step = complex<T>();
  for (let j = 0; j < 5; j++) transform5<T>(first + j * step, scratch + 5 * j * step, step);
  for (let i = 6; i < 25; i++) {
    const r = real<T>(scratch + i * step);
    const m = imaginary<T>(scratch + i * step);
    setComplex<T>(
      scratch + i * step,
      turnedReal<T>(r, m, roots25, i),
      turnedImaginary<T>(r, m, roots25, i),
    );
  }
  for (let k = 0; k < 5; k++) transform5<T>(scratch + k * step, first + k * step, 5 * step);
}

/** Transform every fifth of 25 points, to `to` and on in steps of so many bytes. */
function transform5<T>(from: usize, to: usize, step: usize): void {
  const p1 = from + 5 * complex<T>();
  const p2 = from + 10 * complex<T>();
  const p3 = from + 15 * complex<T>();
  const p4 = from + 20 * complex<T>();
  const r0 = real<T>(from);
  const m0 = imaginary<T>(from);
  const sum14r = add<T>(real<T>(p1), real<T>(p4));
  const sum14m = add<T>(imaginary<T>(p1), imaginary<T>(p4));
  const sum23r = add<T>(real<T>(p2), real<T>(p3));
  const sum23m = add<T>(imaginary<T>(p2), imaginary<T>(p3));
  const difference14r = sub<T>(real<T>(p1), real<T>(p4));
  const difference14m = sub<T>(imaginary<T>(p1), imaginary<T>(p4));
  const difference23r = sub<T>(real<T>(p2), real<T>(p3));
  const difference23m = sub<T>(imaginary<T>(p2), imaginary<T>(p3));

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

  setComplex<T>(to, add<T>(r0, sumR), add<T>(m0, sumM));
  setComplex<T>(to + step, add<T>(even1r, odd1m), sub<T>(even1m, odd1r));
  setComplex<T>(to + 2 * step, add<T>(even2r, odd2m), sub<T>(even2m, odd2r));
  setComplex<T>(to + 3 * step, sub<T>(even2r, odd2m), add<T>(even2m, odd2r));
  setComplex<T>(to + 4 * step, sub<T>(even1r, odd1m), add<T>(even1m, odd1r));
}

function combined<T>(a: f32, x: T, b: f32, y: T): T {
  return add<T>(mul<T>(splat<T>(a), x), mul<T>(splat<T>(b), y));
}

/** Separate the spectra of even and odd samples, join them, and take the power. */
function separate<T>(): void {
  for (let k = 0; k <= 100; k++) {
    const p = points + load<i32>(outputPlace + (k << 2)) * complex<T>();
    const q = points + load<i32>(outputPlace + ((POINTS - k) << 2)) * complex<T>();
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

/** Bytes of a complex number: its real part, then its imaginary one. */
function complex<T>(): i32 {
  return isVector<T>() ? 32 : 8;
}

function real<T>(place: usize): T {
  return get<T>(place, 0);
}

function imaginary<T>(place: usize): T {
  return get<T>(place, 1);
}

function setComplex<T>(place: usize, r: T, m: T): void {
  set<T>(place, 0, r);
  set<T>(place, 1, m);
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
