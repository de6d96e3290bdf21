/** Samples of a file, streamed: demultiplexed by mediabunny, decoded by the browser's codecs. */

import {
  ALL_FORMATS,
  type AudioSample,
  AudioSampleSink,
  BlobSource,
  FLAC,
  Input,
  type InputAudioTrack,
  MP3,
  MP4,
  QTFF,
} from "mediabunny";
import { isRecording } from "../shared/recordings";
import { Clock } from "./clock";
import { Mixer, weightsOf } from "./mixing";

/** Formats that say how long each track is, and not only the whole file. */
const MEASURED: unknown[] = [FLAC, MP4, QTFF];
/** Programs that write into a pipe put so much or more where a WAV file says its length. */
const NO_LENGTH = 0x7fff_0000;
/** Files are that imprecise about their lengths, in seconds. */
const LEAST_LOST = 0.5;
/** What hears nearly everything. */
const ELSEWHERE = "`hush transcribe` on the command line knows more";
/** Where the first frame of an MP3 says its length, after a tag in front. */
const LENGTH_WITHIN = 64;
const PLAYLIST = /^\s*(#EXTM3U|\[playlist\]|ffconcat|<asx|<playlist|<\?wpl)/i;

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
  /** Mono samples, each piece with its rate in hertz; `UndecodableError` where decoding fails. */
  samples: AsyncGenerator<{ samples: Float32Array; rate: number }>;
  /** Names of the audio tracks, and which one this is, from 1 on; null if there is only one. */
  tracks: { names: string[]; heard: number } | null;
  /** What is missing of the sound, in words, once all samples were read; null if nothing is. */
  lost(): string | null;
  close(): void;
}

/**
 * Opens any audio or video file.
 *
 * @param chosen - which of its audio tracks, from 1 on; the one that it says itself if not given
 * @throws UnreadableFileError if it is none, is empty, or has no sound.
 * @throws NotStreamableError if this browser has no streaming decoder for it.
 */
export async function openFile(file: File, chosen?: number): Promise<OpenFile> {
  if (file.size === 0) throw new UnreadableFileError("the file is empty");
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  if (PLAYLIST.test(new TextDecoder().decode(head))) {
    throw new UnreadableFileError("this is a playlist; choose the recordings that it names");
  }
  const input = new Input({ source: new BlobSource(file), formats: ALL_FORMATS });
  try {
    if (!(await input.canRead())) {
      const hint = isRecording(file.name) ? `; ${ELSEWHERE}` : "";
      throw new NotStreamableError(
        `this is not an audio or video file that this browser knows${hint}`,
      );
    }
    const tracks = await readable(input.getAudioTracks());
    const track = tracks[(chosen ?? 0) - 1] ?? (await readable(input.getPrimaryAudioTrack()));
    if (!track) {
      if ((await readable(input.getTracks())).length)
        throw new UnreadableFileError("there is no sound in this video");
      throw new UndecodableError("the file is damaged");
    }
    if (!(await track.canDecode())) {
      throw new NotStreamableError(
        `this browser cannot decode ${(await track.getCodec()) ?? "its sound"}; ${ELSEWHERE}`,
      );
    }
    const duration = await readable(input.getDurationFromMetadata([track]));
    const all = await readable(input.getTracks());
    const first = await readable(input.getFirstTimestamp(all));
    const clock = new Clock(Math.max(0, first));
    const format = await input.getFormat();
    const measured = MEASURED.includes(format) || (format === MP3 && (await saysItsLength(file)));
    const promised = measured ? duration : null;
    const surround = !(await track.getCodec())?.startsWith("pcm-");
    return {
      duration,
      samples: streamed(new AudioSampleSink(track), clock, surround),
      tracks: await named(tracks, track),
      lost: () => lost(clock.heard, promised, share(head, file.size)),
      close: () => input.dispose(),
    };
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

async function named(
  tracks: InputAudioTrack[],
  heard: InputAudioTrack,
): Promise<OpenFile["tracks"]> {
  if (tracks.length < 2) return null;
  const names = await Promise.all(
    tracks.map(async (track, index) => {
      const language = await track.getLanguageCode();
      const words = [language === "und" ? "" : language, (await track.getName()) ?? ""];
      return [index + 1, words.filter(Boolean).join(", ")].filter(Boolean).join(" ");
    }),
  );
  return { names, heard: tracks.indexOf(heard) + 1 };
}

/** Whether an MP3 says how many frames it has, and is not only guessed by its size. */
async function saysItsLength(file: File): Promise<boolean> {
  const head = new Uint8Array(await file.slice(0, 10).arrayBuffer());
  const tagged = String.fromCharCode(...head.subarray(0, 3)) === "ID3";
  // Seven bits of each byte count.
  const size = head.subarray(6, 10).reduce((sum, byte) => sum * 128 + byte, 0);
  const first = tagged ? size + 10 : 0;
  const text = new TextDecoder("latin1").decode(
    await file.slice(first, first + LENGTH_WITHIN).arrayBuffer(),
  );
  return /Xing|Info/.test(text);
}

/** Returns how much of a WAV or AVI file is missing, as a share of what is there. */
function share(head: Uint8Array, size: number): number {
  const says = new DataView(head.buffer);
  if (head.length < 12 || says.getUint32(0) !== 0x52494646 /* RIFF */) return 0;
  const length = says.getUint32(4, true) + 8;
  return length > 8 && length < NO_LENGTH ? Math.max(0, (length - size) / size) : 0;
}

function lost(heard: number, promised: number | null, missing: number): string | null {
  const seconds = Math.max(promised === null ? 0 : promised - heard, heard * missing);
  if (seconds <= LEAST_LOST) return null;
  return `damaged; ${seconds.toFixed(1)} of ${(heard + seconds).toFixed(1)} s could not be read`;
}

async function* streamed(sink: AudioSampleSink, clock: Clock, surround: boolean) {
  const pieces = sink.samples();
  let form = "";
  let mixer: Mixer | null = null;
  let rate = 0;
  try {
    while (true) {
      const { value: piece, done } = await readable(pieces.next());
      if (done) break;
      const channels = piece.numberOfChannels;
      if (form !== `${piece.sampleRate}/${channels}`) {
        for (const samples of mixer?.finish() ?? []) yield { samples, rate };
        form = `${piece.sampleRate}/${channels}`;
        rate = piece.sampleRate;
        mixer = new Mixer(rate, weightsOf(channels, surround));
      }
      const silence = Math.round(clock.silenceBefore(piece.timestamp, piece.duration) * rate);
      if (silence) {
        for (const samples of mixer?.finish() ?? []) yield { samples, rate };
        for (let left = silence; left > 0; left -= rate) {
          yield { samples: new Float32Array(Math.min(left, rate)), rate };
        }
      }
      const planes = channelsOf(piece);
      for (const samples of mixer?.push(planes) ?? []) yield { samples, rate };
    }
    for (const samples of mixer?.finish() ?? []) yield { samples, rate };
  } finally {
    await pieces.return();
  }
}

/** Returns the channels of a piece of sound, and lets go of the piece. */
function channelsOf(piece: AudioSample): Float32Array[] {
  try {
    return Array.from({ length: piece.numberOfChannels }, (_, planeIndex) => {
      const plane = new Float32Array(piece.numberOfFrames);
      piece.copyTo(plane, { planeIndex, format: "f32-planar" });
      return plane;
    });
  } finally {
    piece.close();
  }
}
