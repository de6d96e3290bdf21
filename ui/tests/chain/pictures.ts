import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { ENCODINGS } from "../../chain/encoding";
import { LogMelStream } from "../../chain/mel";
import { encode } from "../../chain/picture";
import { encodePng } from "../../chain/png";
import { Resampler } from "../../chain/resample";
import { type SegmentOptions, SegmentStream } from "../../chain/segments";
import { encodeTga } from "../../chain/tga";
import { VoiceNetwork } from "../../chain/voice-network";
import { loadCodecs } from "./codecs";
import { BUILDS } from "./vectors";

/** Samples at a time, as a file is read. */
const SLICE = 16_000;

interface Recording extends SegmentOptions {
  /** File of float32 samples. */
  samples: string;
  /** Samples a second. */
  rate: number;
  /** Where to put what becomes of it: cuts.json, probabilities.f32, 0.png, 0.tga and so on. */
  folder: string;
}

/** Turn recordings into the files that the page would send of them. */
async function makePictures(recordings: Recording[]): Promise<void> {
  await loadCodecs();
  for (const { samples: file, rate, folder, ...options } of recordings) {
    const resampler = new Resampler(BUILDS[0].module, rate);
    const samples = new Float32Array(new Uint8Array(readFileSync(file)).buffer);
    const stream = new SegmentStream(BUILDS[0].module, options);
    const spectrogram = new LogMelStream(BUILDS[0].module, options.melBins);
    const network = new VoiceNetwork(BUILDS[0].module, options.melBins);
    const probabilities = [];
    const segments = [];
    for (let start = 0; start < samples.length; start += SLICE) {
      const slice = resampler.push(samples.subarray(start, start + SLICE));
      segments.push(...stream.push(slice).segments);
      probabilities.push(...network.push(spectrogram.push(slice)));
    }
    const rest = resampler.finish();
    segments.push(...stream.push(rest).segments, ...stream.finish().segments);
    probabilities.push(...network.push(spectrogram.push(rest)));
    probabilities.push(...network.push(spectrogram.finish()), ...network.finish());
    writeFileSync(resolve(folder, "probabilities.f32"), Float32Array.from(probabilities));
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
