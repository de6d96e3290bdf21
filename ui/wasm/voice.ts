// The network that finds speech in a spectrogram, step by step, as hush/voice_network.py has it.
//
// Rows of numbers lie one behind the other in memory: a step's bins, and of each bin its channels.

import { add, get, lanes, mul, set, splat, spread, sub } from "./lanes";

const BINS: i32 = 80;
const LOUDEST_OF: i32 = 150;
const MINIMUM_OF: i32 = 100;
const SEEN: i32 = 5;
/** Channels after each of the first layers, and of those over time: all multiples of 8. */
const EDGES: i32 = 8;
const SHAPES: i32 = 16;
const VOICES: i32 = 24;
const LAYERS: i32 = 5;

/** Where weights and biases lie, in the order in which `prepareVoice` wants them. */
let weights: usize = 0;
/** What is kept of the steps before. */
let state: usize = 0;
let step: i32 = 0;

// Sizes in numbers of the parts of `weights`.
const BINS_SIZE: i32 = 10 * EDGES;
const BOTH1_SIZE: i32 = 9 * EDGES;
const MIXED1_SIZE: i32 = EDGES * SHAPES;
const BOTH2_SIZE: i32 = 9 * SHAPES;
const MIXED2_SIZE: i32 = SHAPES * SHAPES;
const ALL_SIZE: i32 = 10 * SHAPES * VOICES;
const TIME_SIZE: i32 = SEEN * VOICES;
const MIXED_SIZE: i32 = VOICES * VOICES;

// Places in `weights`.
const BINS_AT: i32 = 0;
const BINS_BIAS: i32 = BINS_AT + BINS_SIZE;
const BOTH1_AT: i32 = BINS_BIAS + EDGES;
const BOTH1_BIAS: i32 = BOTH1_AT + BOTH1_SIZE;
const MIXED1_AT: i32 = BOTH1_BIAS + EDGES;
const MIXED1_BIAS: i32 = MIXED1_AT + MIXED1_SIZE;
const BOTH2_AT: i32 = MIXED1_BIAS + SHAPES;
const BOTH2_BIAS: i32 = BOTH2_AT + BOTH2_SIZE;
const MIXED2_AT: i32 = BOTH2_BIAS + SHAPES;
const MIXED2_BIAS: i32 = MIXED2_AT + MIXED2_SIZE;
const ALL_AT: i32 = MIXED2_BIAS + SHAPES;
const ALL_BIAS: i32 = ALL_AT + ALL_SIZE;
const TIME_AT: i32 = ALL_BIAS + VOICES;
const MIXED_AT: i32 = TIME_AT + LAYERS * TIME_SIZE;
const MIXED_BIAS: i32 = MIXED_AT + LAYERS * MIXED_SIZE;
const SPEECH_AT: i32 = MIXED_BIAS + LAYERS * VOICES;
const SPEECH_BIAS: i32 = SPEECH_AT + VOICES;
const WEIGHTS: i32 = SPEECH_BIAS + 8;

// Places in `state`.
/** The step before this one, and both views of this one with two empty bins at each end. */
const BEFORE: i32 = 0;
const VIEW: i32 = BINS + 4;
const ABOVE_LOUDEST: i32 = BEFORE + BINS;
const ABOVE_LOWEST: i32 = ABOVE_LOUDEST + VIEW;
/** A ring of levels, and van Herk's rows of minima. */
const LEVELS: i32 = ABOVE_LOWEST + VIEW;
const ROWS: i32 = LEVELS + LOUDEST_OF + 2;
const SINCE_BLOCK: i32 = ROWS + (MINIMUM_OF + 1) * BINS;
/** Rings of three steps of 40 and 20 bins, with an empty bin at each end. */
const EDGE_ROW: i32 = 42 * EDGES;
const SHAPE_ROW: i32 = 22 * SHAPES;
const EDGE_RING: i32 = SINCE_BLOCK + BINS;
const SHAPE_RING: i32 = EDGE_RING + 3 * EDGE_ROW;
/** The bins after all convolutions, and one row of channels between two layers. */
const LEFT: i32 = SHAPE_RING + 3 * SHAPE_ROW;
const NEAR: i32 = LEFT + 10 * SHAPES;
const MIXED: i32 = NEAR + VOICES;
/** Rings of 4 gap + 1 steps for gaps of 1, 2, 4, 8 and 16, and the last row. */
const TIME_RINGS: i32 = MIXED + VOICES;
const STATE: i32 = TIME_RINGS + (4 * 31 + LAYERS + 1) * VOICES;

const HIGHEST: f32 = 3.4e38;

/**
 * Begin a stream.
 *
 * @returns where the weights belong, as f32: of the layers in the order of voice_network.json
 */
export function prepareVoice(): usize {
  weights = heap.alloc(WEIGHTS << 2);
  state = heap.alloc(STATE << 2);
  memory.fill(state, 0, STATE << 2);
  for (let i = 0; i < LOUDEST_OF; i++) store<f32>(at(LEVELS + i), -HIGHEST);
  for (let i = ROWS; i < EDGE_RING; i++) store<f32>(at(i), HIGHEST);
  step = 0;
  return weights;
}

/**
 * Take steps of 20 ms.
 *
 * @param steps - f32, `count` rows of 80 bins of log10 mel power, at least -10
 * @param out - f32, `count` of them: the logit of speech `LOOK_AHEAD` steps before each
 */
export function hearVoice(steps: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++) {
    let logit: f32;
    if (ASC_FEATURE_SIMD) logit = hear<v128>(steps);
    else logit = hear<f32>(steps);
    store<f32>(out + (i << 2), logit);
    steps += BINS << 2;
    step += 1;
  }
}

function at(place: i32): usize {
  return state + ((<usize>place) << 2);
}

function learnt(place: i32): usize {
  return weights + ((<usize>place) << 2);
}

function hear<T>(bins: usize): f32 {
  look<T>(bins);
  findEdges<T>();
  const shapes = SHAPE_RING + (step % 3) * SHAPE_ROW + SHAPES;
  both<T>(EDGE_RING, EDGE_ROW, EDGES, BOTH1_AT, BOTH1_BIAS, MIXED1_AT, MIXED1_BIAS, 20, at(shapes));
  both<T>(
    SHAPE_RING,
    SHAPE_ROW,
    SHAPES,
    BOTH2_AT,
    BOTH2_BIAS,
    MIXED2_AT,
    MIXED2_BIAS,
    10,
    at(LEFT),
  );
  return overTime<T>();
}

/** See a step against the loudest and each bin against its own minimum. */
function look<T>(bins: usize): void {
  const vectors = BINS / lanes<T>();
  let level: f32 = 0;
  for (let bin = 0; bin < BINS; bin++) level += load<f32>(bins + (bin << 2));
  level /= <f32>BINS;
  store<f32>(at(LEVELS + (step % LOUDEST_OF)), level);
  let loudest: f32 = -HIGHEST;
  for (let i = 0; i < LOUDEST_OF; i++) loudest = max<f32>(loudest, load<f32>(at(LEVELS + i)));

  const before = step === 0 ? bins : at(BEFORE);
  const row = step % MINIMUM_OF;
  const here = at(ROWS + row * BINS);
  const next = at(ROWS + (row + 1) * BINS);
  for (let i = 0; i < vectors; i++) {
    const now = get<T>(bins, i);
    const smooth = mul<T>(add<T>(now, get<T>(before, i)), splat<T>(0.5));
    const since = least<T>(get<T>(at(SINCE_BLOCK), i), smooth);
    set<T>(at(SINCE_BLOCK), i, since);
    const lowest = least<T>(since, get<T>(next, i));
    set<T>(here, i, smooth);
    const loud = clamped<T>(sub<T>(now, splat<T>(loudest)), -3, 3);
    set<T>(at(ABOVE_LOUDEST + 2), i, mul<T>(loud, splat<T>(0.5)));
    const above = clamped<T>(sub<T>(now, lowest), 0, 4);
    set<T>(at(ABOVE_LOWEST + 2), i, sub<T>(mul<T>(above, splat<T>(0.5)), splat<T>(0.5)));
  }
  memory.copy(at(BEFORE), bins, BINS << 2);
  if (row === MINIMUM_OF - 1) beginBlock<T>();
}

/** Make the rows of a block minima up to its end (van Herk's method). */
function beginBlock<T>(): void {
  const vectors = BINS / lanes<T>();
  for (let i = (MINIMUM_OF - 1) * vectors - 1; i >= 0; i--) {
    set<T>(at(ROWS), i, least<T>(get<T>(at(ROWS), i), get<T>(at(ROWS), i + vectors)));
  }
  for (let i = 0; i < vectors; i++) set<T>(at(SINCE_BLOCK), i, splat<T>(HIGHEST));
}

/** Convolve both views over 5 bins, every second one. */
function findEdges<T>(): void {
  const ring = EDGE_RING + (step % 3) * EDGE_ROW + EDGES;
  for (let bin = 0; bin < 40; bin++) {
    const out = at(ring + bin * EDGES);
    const loud = at(ABOVE_LOUDEST + 2 * bin);
    const above = at(ABOVE_LOWEST + 2 * bin);
    gather<T>(loud, 5, learnt(BINS_AT), EDGES, learnt(BINS_BIAS), out, false);
    gather<T>(above, 5, learnt(BINS_AT + 5 * EDGES), EDGES, out, out, true);
  }
}

/** Convolve the last three steps over 3 bins, every second one, and mix the channels. */
function both<T>(
  ring: i32,
  rowSize: i32,
  channels: i32,
  kernel: i32,
  bias: i32,
  mixed: i32,
  mixedBias: i32,
  bins: i32,
  out: usize,
): void {
  const vectors = channels / lanes<T>();
  const oldest = at(ring + ((step + 1) % 3) * rowSize);
  const middle = at(ring + ((step + 2) % 3) * rowSize);
  const newest = at(ring + (step % 3) * rowSize);
  for (let bin = 0; bin < bins; bin++) {
    const first = 2 * bin * vectors;
    for (let i = 0; i < vectors; i++) {
      let sum = get<T>(learnt(bias), i);
      for (let place = 0; place < 3; place++) {
        const here = first + place * vectors + i;
        const tap = place * vectors + i;
        sum = add<T>(sum, mul<T>(get<T>(oldest, here), get<T>(learnt(kernel), tap)));
        sum = add<T>(sum, mul<T>(get<T>(middle, here), get<T>(learnt(kernel), tap + 3 * vectors)));
        sum = add<T>(sum, mul<T>(get<T>(newest, here), get<T>(learnt(kernel), tap + 6 * vectors)));
      }
      set<T>(at(NEAR), i, sum);
    }
    const place = out + ((bin * SHAPES) << 2);
    gather<T>(at(NEAR), channels, learnt(mixed), SHAPES, learnt(mixedBias), place, true);
  }
}

/** Go through the layers over time; return the logit. */
function overTime<T>(): f32 {
  const vectors = VOICES / lanes<T>();
  let ring = TIME_RINGS;
  let here = at(ring + (step % 5) * VOICES);
  gather<T>(at(LEFT), 10 * SHAPES, learnt(ALL_AT), VOICES, learnt(ALL_BIAS), here, true);
  for (let layer = 0; layer < LAYERS; layer++) {
    const gap = 1 << layer;
    const length = 4 * gap + 1;
    const kernel = learnt(TIME_AT + layer * TIME_SIZE);
    for (let i = 0; i < vectors; i++) {
      let sum = splat<T>(0);
      for (let seen = 0; seen < SEEN; seen++) {
        const past = at(ring + ((step + 1 + seen * gap) % length) * VOICES);
        sum = add<T>(sum, mul<T>(get<T>(past, i), get<T>(kernel, seen * vectors + i)));
      }
      set<T>(at(NEAR), i, sum);
    }
    const mixed = at(MIXED);
    const rows = learnt(MIXED_AT + layer * MIXED_SIZE);
    gather<T>(at(NEAR), VOICES, rows, VOICES, learnt(MIXED_BIAS + layer * VOICES), mixed, false);
    ring += length * VOICES;
    const next = at(layer === LAYERS - 1 ? ring : ring + (step % (8 * gap + 1)) * VOICES);
    for (let i = 0; i < vectors; i++) {
      keep<T>(next, i, add<T>(get<T>(here, i), get<T>(mixed, i)), true);
    }
    here = next;
  }
  let logit = load<f32>(learnt(SPEECH_BIAS));
  for (let i = 0; i < VOICES; i++) {
    logit += load<f32>(here + (i << 2)) * load<f32>(learnt(SPEECH_AT + i));
  }
  return logit;
}

/**
 * Make `channels` sums, a multiple of 8: what they begin with, and `count` inputs times their rows
 * of weights. They may begin with themselves.
 */
function gather<T>(
  inputs: usize,
  count: i32,
  rows: usize,
  channels: i32,
  beginning: usize,
  sums: usize,
  rectified: bool,
): void {
  const vectors = channels / lanes<T>();
  let i = 0;
  // Four at a time, since every input has to be spread anew for each.
  for (; i + 4 <= vectors; i += 4) {
    let sum0 = get<T>(beginning, i);
    let sum1 = get<T>(beginning, i + 1);
    let sum2 = get<T>(beginning, i + 2);
    let sum3 = get<T>(beginning, i + 3);
    let row = i;
    for (let input = 0; input < count; input++) {
      const value = spread<T>(inputs, input);
      sum0 = add<T>(sum0, mul<T>(value, get<T>(rows, row)));
      sum1 = add<T>(sum1, mul<T>(value, get<T>(rows, row + 1)));
      sum2 = add<T>(sum2, mul<T>(value, get<T>(rows, row + 2)));
      sum3 = add<T>(sum3, mul<T>(value, get<T>(rows, row + 3)));
      row += vectors;
    }
    keep<T>(sums, i, sum0, rectified);
    keep<T>(sums, i + 1, sum1, rectified);
    keep<T>(sums, i + 2, sum2, rectified);
    keep<T>(sums, i + 3, sum3, rectified);
  }
  for (; i < vectors; i += 2) {
    let sum0 = get<T>(beginning, i);
    let sum1 = get<T>(beginning, i + 1);
    let row = i;
    for (let input = 0; input < count; input++) {
      const value = spread<T>(inputs, input);
      sum0 = add<T>(sum0, mul<T>(value, get<T>(rows, row)));
      sum1 = add<T>(sum1, mul<T>(value, get<T>(rows, row + 1)));
      row += vectors;
    }
    keep<T>(sums, i, sum0, rectified);
    keep<T>(sums, i + 1, sum1, rectified);
  }
}

function keep<T>(values: usize, i: i32, value: T, rectified: bool): void {
  set<T>(values, i, rectified ? most<T>(value, splat<T>(0)) : value);
}

function clamped<T>(value: T, lowest: f32, highest: f32): T {
  return least<T>(most<T>(value, splat<T>(lowest)), splat<T>(highest));
}

function least<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.pmin(a, b);
  return <T>min<f32>(<f32>a, <f32>b);
}

function most<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.pmax(a, b);
  return <T>max<f32>(<f32>a, <f32>b);
}
