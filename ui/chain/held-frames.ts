/** The newest frames of a stream: new ones come at the end, old ones go at the beginning. */
export class HeldFrames {
  /** Values in a frame. */
  readonly #height: number;
  #values = new Float32Array(0);
  /** Frame of the stream that the first of `#values` is. */
  #base = 0;
  #first = 0;
  #end = 0;

  constructor(height: number) {
    this.#height = height;
  }

  /** Add frames, one after the other. */
  append(frames: Float32Array): void {
    const held = this.#values.subarray(
      (this.#first - this.#base) * this.#height,
      (this.#end - this.#base) * this.#height,
    );
    const end = (this.#end - this.#base) * this.#height + frames.length;
    if (end > this.#values.length) {
      const roomy = new Float32Array(2 * (held.length + frames.length));
      roomy.set(held);
      this.#values = roomy;
      this.#base = this.#first;
    }
    this.#values.set(frames, (this.#end - this.#base) * this.#height);
    this.#end += frames.length / this.#height;
  }

  /** A copy of the frames from `start` to before `end`. */
  slice(start: number, end: number): Float32Array {
    return this.#values.slice(
      (start - this.#base) * this.#height,
      (end - this.#base) * this.#height,
    );
  }

  /** Let go of the frames before `first`. */
  forgetBefore(first: number): void {
    this.#first = first;
  }
}
