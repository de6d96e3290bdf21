import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ENCODINGS } from "../../chain/encoding";
import { encode } from "../../chain/picture";
import { encodePng } from "../../chain/png";
import { Resampler } from "../../chain/resample";
import { type SegmentOptions, SegmentStream } from "../../chain/segments";
import { encodeTga } from "../../chain/tga";
import { loadCodecs } from "./codecs";
import { BUILDS } from "./vectors";

/** Samples at a time, as a file is read. */
const SLICE = 16_000;

interface Recording extends SegmentOptions {
  /** File of float32 samples. */
  samples: string;
  /** Samples a second. */
  rate: number;
  /** Where to put what becomes of it: cuts.json, and 0.png, 0.tga, 0.webp and so forth. */
  folder: string;
}

/** Turn recordings into the files that the page would send of them. */
async function makePictures(recordings: Recording[]): Promise<void> {
  await loadCodecs();
  for (const { samples: file, rate, folder, ...options } of recordings) {
    const resampler = new Resampler(BUILDS[0].module, rate);
    const samples = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    const stream = new SegmentStream(BUILDS[0].module, options);
    const segments = [];
    for (let start = 0; start < samples.length; start += SLICE) {
      const slice = resampler.push(samples.subarray(start, start + SLICE));
      segments.push(...stream.push(slice).segments);
    }
    segments.push(...stream.push(resampler.finish()).segments, ...stream.finish().segments);
    const cuts = segments.map(({ start, end }) => [start, end]);
    writeFileSync(resolve(folder, "cuts.json"), JSON.stringify(cuts));
    for (const [index, { image }] of segments.entries()) {
      writeFileSync(resolve(folder, `${index}.png`), encodePng(image));
      writeFileSync(resolve(folder, `${index}.tga`), encodeTga(image));
      writeFileSync(resolve(folder, `${index}.webp`), (await encode(image, ENCODINGS.small)).bytes);
    }
  }
}

await makePictures(JSON.parse(readFileSync(process.argv[2], "utf-8")));
