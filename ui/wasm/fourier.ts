// The power spectrum of 400 windowed samples, by a complex transform of 200 points.
//
// 200 = 8 x 25 by the prime-factor method: no twiddle factors between the two. 25 = 5 x 5.
// Element i of an array of T holds number i of all lanes' frames.

import { add, get, mul, set, splat, spread, sub } from "./lanes";

export const N_FFT: i32 = 400;
export const FREQUENCIES: i32 = 201;
const POINTS: i32 = 200;

const COS_72: f32 = 0.30901699437494745;
const COS_144: f32 = -0.8090169943749475;
const SIN_72: f32 = 0.9510565162951535;
const SIN_144: f32 = 0.5877852522924731;
const HALF_ROOT: f32 = 0.7071067811865476;

// Where the numbers of a transform stand, and its constants. A vector takes 16 bytes at most.
const real: usize = memory.data(200 * 16, 16);
const imaginary: usize = memory.data(200 * 16, 16);
const scratch: usize = memory.data(50 * 16, 16);
const power: usize = memory.data(201 * 16, 16);
const twiddles25: usize = memory.data(50 * 4, 16);
const twiddles400: usize = memory.data(202 * 4, 16);
const order8: usize = memory.data(200 * 4, 16);
const place: usize = memory.data(201 * 4, 16);

export function powerOf(): usize {
  return power;
}

export function prepareTransform(): void {
  for (let j = 0; j < 5; j++) {
    for (let m = 0; m < 5; m++) {
      const angle = (-2.0 * Math.PI * <f64>(j * m)) / 25.0;
      store<f32>(twiddles25 + (((j * 5 + m) * 2) << 2), <f32>Math.cos(angle));
      store<f32>(twiddles25 + (((j * 5 + m) * 2 + 1) << 2), <f32>Math.sin(angle));
    }
  }
  for (let k = 0; k <= 100; k++) {
    const angle = (2.0 * Math.PI * <f64>k) / 400.0;
    store<f32>(twiddles400 + ((2 * k) << 2), <f32>Math.cos(angle));
    store<f32>(twiddles400 + ((2 * k + 1) << 2), <f32>Math.sin(angle));
  }
  for (let n2 = 0; n2 < 25; n2++) {
    for (let n1 = 0; n1 < 8; n1++) {
      store<i32>(order8 + ((n2 * 8 + n1) << 2), (25 * n1 + 8 * n2) % POINTS);
    }
  }
  for (let k = 0; k <= POINTS; k++) {
    const j = k % POINTS;
    store<i32>(place + (k << 2), (j % 8) * 25 + (j % 25));
  }
}

/** Compute the power spectra of the frames at `windowed`: 400 elements of T in, 201 in `power`. */
export function powerSpectrum<T>(windowed: usize): void {
  for (let n2 = 0; n2 < 25; n2++) transform8<T>(windowed, n2);
  for (let k1 = 0; k1 < 8; k1++) transform25<T>(k1 * 25);
  separate<T>();
}

function at(n2: i32, n1: i32): i32 {
  return load<i32>(order8 + ((n2 * 8 + n1) << 2));
}

/** Transform the 8 complex points 25 n1 + 8 n2; sample 2n is real, sample 2n + 1 imaginary. */
function transform8<T>(windowed: usize, n2: i32): void {
  const i0 = 2 * at(n2, 0),
    i1 = 2 * at(n2, 1),
    i2 = 2 * at(n2, 2),
    i3 = 2 * at(n2, 3);
  const i4 = 2 * at(n2, 4),
    i5 = 2 * at(n2, 5),
    i6 = 2 * at(n2, 6),
    i7 = 2 * at(n2, 7);
  const r0 = get<T>(windowed, i0),
    r4 = get<T>(windowed, i4);
  const m0 = get<T>(windowed, i0 + 1),
    m4 = get<T>(windowed, i4 + 1);
  const r2 = get<T>(windowed, i2),
    r6 = get<T>(windowed, i6);
  const m2 = get<T>(windowed, i2 + 1),
    m6 = get<T>(windowed, i6 + 1);
  // even half: points 0, 2, 4, 6
  const a0r = add<T>(r0, r4),
    a0m = add<T>(m0, m4);
  const a1r = sub<T>(r0, r4),
    a1m = sub<T>(m0, m4);
  const a2r = add<T>(r2, r6),
    a2m = add<T>(m2, m6);
  const a3r = sub<T>(r2, r6),
    a3m = sub<T>(m2, m6);
  const e0r = add<T>(a0r, a2r),
    e0m = add<T>(a0m, a2m);
  const e2r = sub<T>(a0r, a2r),
    e2m = sub<T>(a0m, a2m);
  const e1r = add<T>(a1r, a3m),
    e1m = sub<T>(a1m, a3r);
  const e3r = sub<T>(a1r, a3m),
    e3m = add<T>(a1m, a3r);
  // odd half: points 1, 3, 5, 7
  const r1 = get<T>(windowed, i1),
    r5 = get<T>(windowed, i5);
  const m1 = get<T>(windowed, i1 + 1),
    m5 = get<T>(windowed, i5 + 1);
  const r3 = get<T>(windowed, i3),
    r7 = get<T>(windowed, i7);
  const m3 = get<T>(windowed, i3 + 1),
    m7 = get<T>(windowed, i7 + 1);
  const b0r = add<T>(r1, r5),
    b0m = add<T>(m1, m5);
  const b1r = sub<T>(r1, r5),
    b1m = sub<T>(m1, m5);
  const b2r = add<T>(r3, r7),
    b2m = add<T>(m3, m7);
  const b3r = sub<T>(r3, r7),
    b3m = sub<T>(m3, m7);
  const o0r = add<T>(b0r, b2r),
    o0m = add<T>(b0m, b2m);
  const o2r = sub<T>(b0r, b2r),
    o2m = sub<T>(b0m, b2m);
  const c1r = add<T>(b1r, b3m),
    c1m = sub<T>(b1m, b3r);
  const c3r = sub<T>(b1r, b3m),
    c3m = add<T>(b1m, b3r);
  const h = splat<T>(HALF_ROOT);
  // o1 = c1 (1 - i) / sqrt 2, o3 = c3 (-1 - i) / sqrt 2
  const o1r = mul<T>(h, add<T>(c1r, c1m)),
    o1m = mul<T>(h, sub<T>(c1m, c1r));
  const o3r = mul<T>(h, sub<T>(c3m, c3r)),
    o3m = mul<T>(h, sub<T>(splat<T>(0), add<T>(c3m, c3r)));
  put<T>(n2, add<T>(e0r, o0r), add<T>(e0m, o0m));
  put<T>(n2 + 100, sub<T>(e0r, o0r), sub<T>(e0m, o0m));
  put<T>(n2 + 25, add<T>(e1r, o1r), add<T>(e1m, o1m));
  put<T>(n2 + 125, sub<T>(e1r, o1r), sub<T>(e1m, o1m));
  put<T>(n2 + 50, add<T>(e2r, o2m), sub<T>(e2m, o2r));
  put<T>(n2 + 150, sub<T>(e2r, o2m), add<T>(e2m, o2r));
  put<T>(n2 + 75, add<T>(e3r, o3r), add<T>(e3m, o3m));
  put<T>(n2 + 175, sub<T>(e3r, o3r), sub<T>(e3m, o3m));
}

function put<T>(index: i32, r: T, m: T): void {
  set<T>(real, index, r);
  set<T>(imaginary, index, m);
}

/** Transform the 25 complex points from `first` on, in place. */
function transform25<T>(first: i32): void {
  const c1 = splat<T>(COS_72),
    c2 = splat<T>(COS_144),
    s1 = splat<T>(SIN_72),
    s2 = splat<T>(SIN_144);
  // Columns: points j, j + 5, …, twisted, into scratch (real parts, then imaginary ones).
  for (let j = 0; j < 5; j++) {
    const from = first + j;
    const x0r = get<T>(real, from),
      x0m = get<T>(imaginary, from);
    const x1r = get<T>(real, from + 5),
      x1m = get<T>(imaginary, from + 5);
    const x2r = get<T>(real, from + 10),
      x2m = get<T>(imaginary, from + 10);
    const x3r = get<T>(real, from + 15),
      x3m = get<T>(imaginary, from + 15);
    const x4r = get<T>(real, from + 20),
      x4m = get<T>(imaginary, from + 20);
    const t1r = add<T>(x1r, x4r),
      t1m = add<T>(x1m, x4m);
    const t2r = add<T>(x2r, x3r),
      t2m = add<T>(x2m, x3m);
    const t3r = sub<T>(x1r, x4r),
      t3m = sub<T>(x1m, x4m);
    const t4r = sub<T>(x2r, x3r),
      t4m = sub<T>(x2m, x3m);
    const a1r = add<T>(x0r, add<T>(mul<T>(c1, t1r), mul<T>(c2, t2r)));
    const a1m = add<T>(x0m, add<T>(mul<T>(c1, t1m), mul<T>(c2, t2m)));
    const a2r = add<T>(x0r, add<T>(mul<T>(c2, t1r), mul<T>(c1, t2r)));
    const a2m = add<T>(x0m, add<T>(mul<T>(c2, t1m), mul<T>(c1, t2m)));
    const b1r = add<T>(mul<T>(s1, t3r), mul<T>(s2, t4r));
    const b1m = add<T>(mul<T>(s1, t3m), mul<T>(s2, t4m));
    const b2r = sub<T>(mul<T>(s2, t3r), mul<T>(s1, t4r));
    const b2m = sub<T>(mul<T>(s2, t3m), mul<T>(s1, t4m));
    set<T>(scratch, j * 5, add<T>(x0r, add<T>(t1r, t2r)));
    set<T>(scratch, j * 5 + 25, add<T>(x0m, add<T>(t1m, t2m)));
    twist<T>(j, 1, add<T>(a1r, b1m), sub<T>(a1m, b1r));
    twist<T>(j, 2, add<T>(a2r, b2m), sub<T>(a2m, b2r));
    twist<T>(j, 3, sub<T>(a2r, b2m), add<T>(a2m, b2r));
    twist<T>(j, 4, sub<T>(a1r, b1m), add<T>(a1m, b1r));
  }
  // Rows: number m of every column, to m, m + 5, …
  for (let m = 0; m < 5; m++) {
    const x0r = get<T>(scratch, m),
      x0m = get<T>(scratch, m + 25);
    const x1r = get<T>(scratch, m + 5),
      x1m = get<T>(scratch, m + 30);
    const x2r = get<T>(scratch, m + 10),
      x2m = get<T>(scratch, m + 35);
    const x3r = get<T>(scratch, m + 15),
      x3m = get<T>(scratch, m + 40);
    const x4r = get<T>(scratch, m + 20),
      x4m = get<T>(scratch, m + 45);
    const t1r = add<T>(x1r, x4r),
      t1m = add<T>(x1m, x4m);
    const t2r = add<T>(x2r, x3r),
      t2m = add<T>(x2m, x3m);
    const t3r = sub<T>(x1r, x4r),
      t3m = sub<T>(x1m, x4m);
    const t4r = sub<T>(x2r, x3r),
      t4m = sub<T>(x2m, x3m);
    const a1r = add<T>(x0r, add<T>(mul<T>(c1, t1r), mul<T>(c2, t2r)));
    const a1m = add<T>(x0m, add<T>(mul<T>(c1, t1m), mul<T>(c2, t2m)));
    const a2r = add<T>(x0r, add<T>(mul<T>(c2, t1r), mul<T>(c1, t2r)));
    const a2m = add<T>(x0m, add<T>(mul<T>(c2, t1m), mul<T>(c1, t2m)));
    const b1r = add<T>(mul<T>(s1, t3r), mul<T>(s2, t4r));
    const b1m = add<T>(mul<T>(s1, t3m), mul<T>(s2, t4m));
    const b2r = sub<T>(mul<T>(s2, t3r), mul<T>(s1, t4r));
    const b2m = sub<T>(mul<T>(s2, t3m), mul<T>(s1, t4m));
    const to = first + m;
    put<T>(to, add<T>(x0r, add<T>(t1r, t2r)), add<T>(x0m, add<T>(t1m, t2m)));
    put<T>(to + 5, add<T>(a1r, b1m), sub<T>(a1m, b1r));
    put<T>(to + 10, add<T>(a2r, b2m), sub<T>(a2m, b2r));
    put<T>(to + 15, sub<T>(a2r, b2m), add<T>(a2m, b2r));
    put<T>(to + 20, sub<T>(a1r, b1m), add<T>(a1m, b1r));
  }
}

function twist<T>(j: i32, m: i32, r: T, i: T): void {
  const c = spread<T>(twiddles25, (j * 5 + m) * 2),
    s = spread<T>(twiddles25, (j * 5 + m) * 2 + 1);
  set<T>(scratch, j * 5 + m, sub<T>(mul<T>(r, c), mul<T>(i, s)));
  set<T>(scratch, j * 5 + m + 25, add<T>(mul<T>(r, s), mul<T>(i, c)));
}

/** Separate the spectrum of even and odd samples, and join them: power of frequencies 0 to 200. */
function separate<T>(): void {
  for (let k = 0; k <= 100; k++) {
    const p = load<i32>(place + (k << 2)),
      q = load<i32>(place + ((POINTS - k) << 2));
    const ar = get<T>(real, p),
      am = get<T>(imaginary, p);
    const br = get<T>(real, q),
      bm = get<T>(imaginary, q);
    const er = add<T>(ar, br),
      em = sub<T>(am, bm);
    const or = add<T>(am, bm),
      om = sub<T>(br, ar);
    const c = spread<T>(twiddles400, 2 * k),
      s = spread<T>(twiddles400, 2 * k + 1);
    const wr = add<T>(mul<T>(c, or), mul<T>(s, om)),
      wm = sub<T>(mul<T>(c, om), mul<T>(s, or));
    const xr = add<T>(er, wr),
      xm = add<T>(em, wm),
      yr = sub<T>(er, wr),
      ym = sub<T>(em, wm);
    set<T>(power, k, add<T>(mul<T>(xr, xr), mul<T>(xm, xm)));
    set<T>(power, POINTS - k, add<T>(mul<T>(yr, yr), mul<T>(ym, ym)));
  }
}
