// The inner loop of the resampler: a polyphase filter.

import { add, get, lanes, mul, splat, sumOfLanes } from "./lanes";

/**
 * Filter and resample by phases / step.
 *
 * Number n of the output is the dot product of row (phase + n step) mod phases of the filter with
 * the samples from ⌊(phase + n step) / phases⌋ on.
 *
 * @param samples - f32, as many as the last output needs
 * @param filter - f32, `phases` rows of `taps`
 * @param taps - a multiple of 16
 * @param phase - row of the first output
 * @param out - f32, `count` of them
 */
export function convolve(
  samples: usize,
  filter: usize,
  taps: i32,
  phases: i32,
  step: i32,
  phase: i32,
  out: usize,
  count: i32,
): void {
  for (let n = 0; n < count; n++) {
    const row = filter + ((phase * taps) << 2);
    let sum: f32;
    if (ASC_FEATURE_SIMD) sum = product<v128>(samples, row, taps);
    else sum = product<f32>(samples, row, taps);
    store<f32>(out + (n << 2), sum);
    phase += step;
    samples += (phase / phases) << 2;
    phase %= phases;
  }
}

/** Four sums at a time, since the next addition to one has to wait for the one before. */
function product<T>(a: usize, b: usize, length: i32): f32 {
  let sum0 = splat<T>(0);
  let sum1 = splat<T>(0);
  let sum2 = splat<T>(0);
  let sum3 = splat<T>(0);
  const elements = length / lanes<T>();
  for (let i = 0; i < elements; i += 4) {
    sum0 = add<T>(sum0, mul<T>(get<T>(a, i), get<T>(b, i)));
    sum1 = add<T>(sum1, mul<T>(get<T>(a, i + 1), get<T>(b, i + 1)));
    sum2 = add<T>(sum2, mul<T>(get<T>(a, i + 2), get<T>(b, i + 2)));
    sum3 = add<T>(sum3, mul<T>(get<T>(a, i + 3), get<T>(b, i + 3)));
  }
  return sumOfLanes<T>(add<T>(add<T>(sum0, sum1), add<T>(sum2, sum3)));
}
