// Arithmetic on T, which is v128 (four frames side by side) or f32 (one frame): the same operations
// in the same order, so that both builds give the same bits.

export function lanes<T>(): i32 {
  return isVector<T>() ? 4 : 1;
}

/** The same number in all lanes. */
export function splat<T>(value: f32): T {
  if (isVector<T>()) return f32x4.splat(value);
  return <T>value;
}

export function add<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.add(a, b);
  return <T>(a + b);
}

export function sub<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.sub(a, b);
  return <T>(a - b);
}

export function mul<T>(a: T, b: T): T {
  if (isVector<T>()) return f32x4.mul(a, b);
  return <T>(a * b);
}

/** Add up the lanes. */
export function sumOfLanes<T>(a: T): f32 {
  if (isVector<T>()) {
    const first = f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1);
    return first + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3));
  }
  return <f32>a;
}

/** Load element `index` of an array of T. */
export function get<T>(array: usize, index: i32): T {
  if (isVector<T>()) return v128.load(array + ((<usize>index) << 4));
  return load<T>(array + ((<usize>index) << 2));
}

/** Store element `index` of an array of T. */
export function set<T>(array: usize, index: i32, value: T): void {
  if (isVector<T>()) v128.store(array + ((<usize>index) << 4), value);
  else store<T>(array + ((<usize>index) << 2), value);
}

/** Load the number at `index` of an array of f32 into all lanes. */
export function spread<T>(array: usize, index: i32): T {
  if (isVector<T>()) return v128.load32_splat(array + ((<usize>index) << 2));
  return <T>load<f32>(array + ((<usize>index) << 2));
}
