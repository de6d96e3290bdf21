/** Paints the spectrogram of what is heard: scrolling while somebody speaks, whole for a file. */

import { FRAMES_PER_SECOND } from "../chain/framing";
import { clock, frequencyMarks, timeMarks } from "../shared/axes";
import { colourTable } from "../shared/colours";
import type { MelBins, PaintingUpdate } from "../shared/messages";
import exampleUrl from "./example.webp?url";

type Context = OffscreenCanvasRenderingContext2D;

/** Columns that are held: of a live view the last, of a file all, several frames to one. */
const HELD = 2_048;
/** Frames that a live view lags behind what has arrived, so that it scrolls evenly. */
const LAG = 5;
/** Colours span this much log10 power, up to the loudest that was heard lately. */
const SPAN = 5.2;
const HEADROOM = 0.4;
/** How fast the loudest is forgotten, per frame. */
const DECAY = 0.002;
const QUIETEST_TOP = -1.2;

/** Heights in CSS pixels, from the bottom: times, and voice activity with the cuts. */
const TIMES = 22;
const VOICE = 10;
/** Height from which frequencies are named, in CSS pixels: their names would cover lower ones. */
const LABELLED = 100;

/** Milliseconds between two drawings where nothing scrolls. */
const STILL_EVERY = 100;
/** Milliseconds that one drawing may move on by itself; the rest is caught up with. */
const LONGEST_STEP = 200;

const GROUND = "#0b0405";
const LABEL = "rgb(222 245 229 / 75%)";
const HALO = "rgb(11 4 5 / 60%)";
const LINE = "rgb(222 245 229 / 10%)";
const SPEECH = "#49c1ad";
const CUT = "rgb(222 245 229 / 55%)";

/** What one canvas shows; it draws by itself, once per screen frame, while there is news. */
export class Painting {
  readonly #canvas: OffscreenCanvas;
  readonly #context: Context;
  readonly #strip = new OffscreenCanvas(HELD, 80);
  readonly #stripContext: Context;
  readonly #colours = colourTable();
  readonly #speech = new Uint8Array(HELD);
  #levels = new Float32Array(0);
  #ratio: number;
  #still: boolean;
  #melBins: MelBins = 80;
  #mode: "rest" | "live" | "whole" = "rest";
  #running = false;
  #scheduled = false;
  #before = 0;
  #top = QUIETEST_TOP;
  /** Frames to a column: 1 in a live view. */
  #scale = 1;
  #total: number | null = null;
  #frames = 0;
  #shown = 0;
  #cuts: { start: number; end: number }[] = [];
  #example: ImageData | null = null;
  #exampleLoading: Promise<void> | null = null;

  /**
   * @param ratio - device pixels to a CSS pixel
   * @param still - whether to turn pages instead of scrolling, for who wants less motion
   */
  constructor(canvas: OffscreenCanvas, ratio: number, still: boolean) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false }) as Context;
    this.#stripContext = this.#strip.getContext("2d") as Context;
    this.#ratio = ratio;
    this.#still = still;
    this.#schedule();
  }

  set still(still: boolean) {
    this.#still = still;
    this.#schedule();
  }

  /** Takes a new size, in device pixels. */
  resize(width: number, height: number, ratio: number): void {
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#ratio = ratio;
    this.#draw();
  }

  /** Begins a recording. */
  begin(melBins: MelBins, whole: boolean): void {
    this.#mode = whole ? "whole" : "live";
    this.#melBins = melBins;
    this.#strip.height = melBins;
    this.#levels = new Float32Array(whole ? HELD * melBins : 0).fill(-10);
    this.#speech.fill(0);
    this.#cuts = [];
    this.#total = null;
    this.#scale = 1;
    this.#top = QUIETEST_TOP;
    this.#frames = 0;
    this.#shown = 0;
    this.#running = !whole;
    this.#schedule();
  }

  /** Takes what a listener has to show. */
  take(update: PaintingUpdate): void {
    if (update.kind === "total") {
      this.#total = update.frames;
      while (this.#total > HELD * this.#scale) this.#halve();
    } else if (update.kind === "finished") {
      this.#running = false;
      this.#shown = this.#frames;
    } else {
      this.#frames = update.firstFrame + update.logMel.length / this.#melBins;
      while (this.#mode === "whole" && this.#frames > HELD * this.#scale) this.#halve();
      if (this.#mode === "whole") this.#gather(update);
      else this.#colour(update.logMel, update.firstFrame);
      this.#mark(update.decisions, update.firstDecision);
      this.#cuts.push(...update.cuts);
      if (this.#mode === "live") {
        this.#cuts = this.#cuts.filter(({ end }) => end > this.#frames - HELD);
      }
    }
    this.#schedule();
  }

  /** Colours columns of a live view, which replace the oldest of the strip. */
  #colour(logMel: Float32Array, first: number): void {
    const count = logMel.length / this.#melBins;
    const skipped = Math.max(0, count - HELD);
    for (let from = skipped; from < count; ) {
      const place = (first + from) % HELD;
      const width = Math.min(count - from, HELD - place);
      const part = logMel.subarray(from * this.#melBins, (from + width) * this.#melBins);
      this.#paint(part, place, width);
      from += width;
    }
  }

  /** Takes columns of a file, of which each column on the screen shows the loudest. */
  #gather({ logMel, firstFrame }: PaintingUpdate & { kind: "frames" }): void {
    const bins = this.#melBins;
    const first = Math.floor(firstFrame / this.#scale);
    const last = Math.floor((this.#frames - 1) / this.#scale);
    for (let frame = 0; frame < logMel.length / bins; frame += 1) {
      const column = Math.floor((firstFrame + frame) / this.#scale) * bins;
      for (let bin = 0; bin < bins; bin += 1) {
        const level = logMel[frame * bins + bin];
        if (level > this.#levels[column + bin]) this.#levels[column + bin] = level;
      }
    }
    if (last >= first) {
      this.#paint(this.#levels.subarray(first * bins, (last + 1) * bins), first, last - first + 1);
    }
  }

  /** Puts two columns in the place of one, and so makes room. */
  #halve(): void {
    const bins = this.#melBins;
    const columns = Math.min(HELD, Math.ceil(this.#frames / this.#scale));
    for (let column = 0; column < HELD; column += 1) {
      const pair = column * 2;
      this.#speech[column] = pair < HELD ? this.#speech[pair] | this.#speech[pair + 1] : 0;
      for (let bin = 0; bin < bins; bin += 1) {
        this.#levels[column * bins + bin] =
          pair < HELD
            ? Math.max(this.#levels[pair * bins + bin], this.#levels[(pair + 1) * bins + bin])
            : -10;
      }
    }
    this.#scale *= 2;
    if (columns)
      this.#paint(
        this.#levels.subarray(0, Math.ceil(columns / 2) * bins),
        0,
        Math.ceil(columns / 2),
      );
  }

  #paint(levels: Float32Array, place: number, width: number): void {
    const bins = this.#melBins;
    const coloured = new ImageData(width, bins);
    const pixels = new Uint32Array(coloured.data.buffer);
    for (let column = 0; column < width; column += 1) {
      let loudest = QUIETEST_TOP;
      for (let bin = 0; bin < bins; bin += 1) {
        loudest = Math.max(loudest, levels[column * bins + bin]);
      }
      this.#top = Math.max(loudest, this.#top - DECAY);
      const scale = 255 / SPAN;
      const floor = this.#top - HEADROOM - SPAN;
      for (let bin = 0; bin < bins; bin += 1) {
        const level = (levels[column * bins + bin] - floor) * scale;
        pixels[(bins - 1 - bin) * width + column] =
          this.#colours[Math.min(255, Math.max(0, Math.round(level)))];
      }
    }
    this.#stripContext.putImageData(coloured, place, 0);
  }

  #mark(decisions: Uint8Array, first: number): void {
    for (let index = 0; index < decisions.length; index += 1) {
      const frame = first + index;
      if (this.#mode === "live") this.#speech[frame % HELD] = decisions[index];
      else if (decisions[index]) this.#speech[Math.floor(frame / this.#scale)] = 1;
    }
    // What a live view has not decided yet is no speech, although its place was once.
    for (let ahead = 0; this.#mode === "live" && ahead < 100; ahead += 1) {
      this.#speech[(first + decisions.length + ahead) % HELD] = 0;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = (now: number) => {
      this.#scheduled = false;
      if (this.#running) this.#scroll(now - this.#before);
      this.#before = now;
      this.#draw();
      if (this.#running) this.#schedule();
    };
    // Where nothing scrolls, more is work that nobody sees.
    if (this.#still) setTimeout(() => requestAnimationFrame(draw), STILL_EVERY);
    else requestAnimationFrame(draw);
  }

  /** Moves on by the time that went by, and by a little of what is missing. */
  #scroll(milliseconds: number): void {
    const target = Math.max(0, this.#frames - LAG);
    this.#shown += (Math.min(milliseconds, LONGEST_STEP) * FRAMES_PER_SECOND) / 1000;
    const error = target - this.#shown;
    this.#shown += Math.abs(error) > 50 ? error : error * 0.08;
  }

  #draw(): void {
    const { width, height } = this.#canvas;
    const ratio = this.#ratio;
    const picture = height - (TIMES + VOICE) * ratio;
    this.#context.fillStyle = GROUND;
    this.#context.fillRect(0, 0, width, height);
    if (picture <= 0) return;
    if (this.#mode === "rest") {
      this.#drawRest(width);
      return;
    }
    const [start, end] = this.#view(width / ratio);
    const perFrame = width / (end - start);
    this.#drawStrip(start, end, perFrame, picture);
    this.#drawVoice(start, end, perFrame, picture);
    this.#drawAxes(start, end, perFrame, picture);
  }

  /** Returns the first frame of the view, and the first after it. */
  #view(width: number): [number, number] {
    if (this.#mode === "whole") {
      return [0, Math.max(this.#total ?? 0, this.#frames, 100)];
    }
    const span = Math.min(HELD - 200, width / (width > 700 ? 1.1 : 0.75));
    if (!this.#still) return [this.#shown - span, this.#shown];
    const half = span / 2;
    const end = Math.max(2, Math.ceil(this.#shown / half)) * half;
    return [end - span, end];
  }

  #drawStrip(start: number, end: number, perFrame: number, height: number): void {
    const live = this.#mode === "live";
    const last = live ? Math.min(end, this.#frames) : end;
    const context = this.#context;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    if (!live) {
      const columns = (end - start) / this.#scale;
      context.drawImage(
        this.#strip,
        0,
        0,
        columns,
        this.#melBins,
        0,
        0,
        this.#canvas.width,
        height,
      );
      return;
    }
    for (let frame = Math.max(0, start, this.#frames - HELD + 1); frame < last; ) {
      const place = frame % HELD;
      const count = Math.min(last - frame, HELD - place);
      const x = (frame - start) * perFrame;
      context.drawImage(
        this.#strip,
        place,
        0,
        count,
        this.#melBins,
        x,
        0,
        count * perFrame,
        height,
      );
      frame += count;
    }
  }

  #drawVoice(start: number, end: number, perFrame: number, top: number): void {
    const context = this.#context;
    const live = this.#mode === "live";
    const scale = live ? 1 : this.#scale;
    const y = top + 3 * this.#ratio;
    const height = 4 * this.#ratio;
    const first = Math.max(0, Math.floor(start / scale));
    const last = Math.ceil(Math.min(end, this.#frames) / scale);
    context.fillStyle = SPEECH;
    for (let column = first; column < last; column += 1) {
      let run = column;
      while (run < last && this.#speech[live ? run % HELD : run]) run += 1;
      if (run > column) {
        const x = (column * scale - start) * perFrame;
        context.beginPath();
        context.roundRect(x, y, (run - column) * scale * perFrame, height, height / 2);
        context.fill();
        column = run;
      }
    }
    const line = Math.max(1, this.#ratio);
    context.fillStyle = CUT;
    context.globalAlpha = (end - start) / this.#cuts.length < 40 ? 0.35 : 1;
    for (const cut of this.#cuts) {
      for (const frame of [cut.start, cut.end]) {
        if (frame < start) continue;
        const x = Math.round((frame - start) * perFrame);
        context.fillRect(x, 0, line, top + VOICE * this.#ratio);
      }
    }
    context.globalAlpha = 1;
  }

  #drawAxes(start: number, end: number, perFrame: number, height: number): void {
    const context = this.#context;
    const ratio = this.#ratio;
    context.font = `${11 * ratio}px ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    for (const { height: place, label } of frequencyMarks()) {
      const y = Math.round(height * (1 - place));
      context.fillStyle = LINE;
      context.fillRect(0, y, this.#canvas.width, Math.max(1, ratio));
      if (height >= LABELLED * ratio) this.#label(label, 10 * ratio, y - 8 * ratio);
    }
    context.textAlign = "center";
    const most = this.#canvas.width / ratio / 80;
    const marks = timeMarks(start / FRAMES_PER_SECOND, end / FRAMES_PER_SECOND, most);
    const tenths = marks.some((seconds) => seconds % 1 > 0.01);
    for (const seconds of marks) {
      const x = (seconds * FRAMES_PER_SECOND - start) * perFrame;
      if (x < 24 * ratio || x > this.#canvas.width - 24 * ratio) continue;
      this.#label(clock(seconds, tenths), x, height + (VOICE + TIMES / 2) * ratio);
    }
  }

  #label(text: string, x: number, y: number): void {
    this.#context.lineWidth = 4 * this.#ratio;
    this.#context.strokeStyle = HALO;
    this.#context.strokeText(text, x, y);
    this.#context.fillStyle = LABEL;
    this.#context.fillText(text, x, y);
  }

  /** What speech looks like: the bundled sample, dimmed. */
  #drawRest(width: number): void {
    if (!this.#example) {
      // Without it, the view rests in black.
      this.#exampleLoading ??= exampleLevels().then(
        (levels) => {
          this.#example = levels;
          if (this.#mode === "rest") this.#schedule();
        },
        () => {},
      );
      return;
    }
    const { data, width: columns, height: rows } = this.#example;
    const coloured = new ImageData(columns, rows);
    const pixels = new Uint32Array(coloured.data.buffer);
    for (let pixel = 0; pixel < pixels.length; pixel += 1) {
      pixels[pixel] = this.#colours[data[pixel * 4]];
    }
    this.#strip.height = rows;
    this.#stripContext.putImageData(coloured, 0, 0);
    this.#context.globalAlpha = 0.6;
    this.#context.drawImage(this.#strip, 0, 0, columns, rows, 0, 0, width, this.#canvas.height);
    this.#context.globalAlpha = 1;
  }
}

/** Returns the grey values of the bundled sample's picture, in a small form. */
async function exampleLevels(): Promise<ImageData> {
  const response = await fetch(new URL(exampleUrl, import.meta.url));
  const bitmap = await createImageBitmap(await response.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d") as Context;
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
