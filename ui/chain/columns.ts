/** A window on a stream of columns: new ones come at its end, old ones go at its beginning. */
export class Columns {
  readonly #height: number;
  #values = new Float32Array(0);
  /** Column of the stream that the first of `#values` is. */
  #base = 0;
  #first = 0;
  #end = 0;

  constructor(height: number) {
    this.#height = height;
  }

  /** Add columns, one after the other. */
  append(columns: Float32Array): void {
    const held = this.#values.subarray(
      (this.#first - this.#base) * this.#height,
      (this.#end - this.#base) * this.#height,
    );
    const end = (this.#end - this.#base) * this.#height + columns.length;
    if (end > this.#values.length) {
      const roomy = new Float32Array(2 * (held.length + columns.length));
      roomy.set(held);
      this.#values = roomy;
      this.#base = this.#first;
    }
    this.#values.set(columns, (this.#end - this.#base) * this.#height);
    this.#end += columns.length / this.#height;
  }

  /** A copy of the columns from `start` to before `end`. */
  slice(start: number, end: number): Float32Array {
    return this.#values.slice(
      (start - this.#base) * this.#height,
      (end - this.#base) * this.#height,
    );
  }

  /** Let go of the columns before `first`. */
  forgetBefore(first: number): void {
    this.#first = first;
  }
}
