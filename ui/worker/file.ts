/** Samples of a file, streamed: demultiplexed by mediabunny, decoded by the browser's own codecs. */

import { ALL_FORMATS, type AudioSample, AudioSampleSink, BlobSource, Input } from "mediabunny";

/** Longest gap between two pieces of sound that is taken for a recording's own, in seconds. */
const LONGEST_GAP = 3600;
/** Shorter gaps come from rounded timestamps. */
const SHORTEST_GAP = 0.1;

/** A file that cannot be heard; the message is a sentence for people. */
export class UnreadableFileError extends Error {}

/** A file whose sound this browser cannot stream, though it may be able to decode it whole. */
export class NotStreamableError extends Error {}

/** A file whose sound the browser's decoder gives up on: the file is damaged, or the decoder is. */
export class UndecodableError extends Error {}

/** A file that has begun to be read. */
export interface OpenFile {
  /** Seconds, roughly; null where the file does not say. */
  duration: number | null;
  /** Mono samples, each piece with its rate in hertz. Rejects with `UndecodableError` where decoding fails. */
  samples: AsyncGenerator<{ samples: Float32Array; rate: number }>;
  close(): void;
}

/**
 * Opens any audio or video file.
 *
 * @throws UnreadableFileError if it is none, is empty, or has no sound.
 * @throws NotStreamableError if this browser has no streaming decoder for it.
 */
export async function openFile(file: File): Promise<OpenFile> {
  if (file.size === 0) throw new UnreadableFileError("the file is empty");
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    if (!(await input.canRead())) {
      throw new NotStreamableError("this is not an audio or video file that this browser knows");
    }
    const track = await readable(input.getPrimaryAudioTrack());
    if (!track) {
      const tracks = await readable(input.getTracks());
      if (tracks.length) throw new UnreadableFileError("there is no sound in this video");
      throw new UndecodableError("the file is damaged");
    }
    if (!(await track.canDecode())) {
      throw new NotStreamableError(
        `this browser cannot decode ${(await track.getCodec()) ?? "its sound"}`,
      );
    }
    const duration = await readable(input.getDurationFromMetadata([track]));
    const samples = streamed(new AudioSampleSink(track));
    return { duration, samples, close: () => input.dispose() };
  } catch (error) {
    input.dispose();
    throw error;
  }
}

async function readable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new UndecodableError("the file is damaged", { cause: error });
  }
}

async function* streamed(sink: AudioSampleSink) {
  let heard = 0;
  const pieces = sink.samples();
  try {
    while (true) {
      const { value: piece, done } = await readable(pieces.next());
      if (done) return;
      const rate = piece.sampleRate;
      const gap = piece.timestamp - heard;
      if (gap > SHORTEST_GAP && gap < LONGEST_GAP) {
        yield { samples: new Float32Array(Math.round(gap * rate)), rate };
      }
      heard = piece.timestamp + piece.duration;
      yield { samples: mono(piece), rate };
      piece.close();
    }
  } finally {
    await pieces.return();
  }
}

/** Returns the mean of a piece's channels. */
function mono(piece: AudioSample): Float32Array {
  const channels = piece.numberOfChannels;
  const sum = new Float32Array(piece.numberOfFrames);
  piece.copyTo(sum, { planeIndex: 0, format: "f32-planar" });
  if (channels === 1) return sum;
  const channel = new Float32Array(piece.numberOfFrames);
  for (let index = 1; index < channels; index += 1) {
    piece.copyTo(channel, { planeIndex: index, format: "f32-planar" });
    for (let frame = 0; frame < sum.length; frame += 1) sum[frame] += channel[frame];
  }
  for (let frame = 0; frame < sum.length; frame += 1) sum[frame] /= channels;
  return sum;
}
