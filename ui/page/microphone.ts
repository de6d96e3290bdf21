/** The microphone, from permission to the audio thread. */

import { RingBuffer } from "ringbuf.js";
import captureUrl from "../worklet/capture.ts?worker&url";

/** What the ring holds, in seconds: the listener may be that late. */
const RING_SECONDS = 10;

/** A microphone that cannot be had; the message is a sentence for people. */
export class NoMicrophoneError extends Error {}

/** What an open microphone tells by itself. */
export type MicrophoneEvent =
  /** Samples were lost. */
  | { kind: "lost"; milliseconds: number }
  /** It went away. */
  | { kind: "ended" }
  /** It gives silence, or nothing, for a reason in few words; null when that is over. */
  | { kind: "trouble"; reason: string | null };

/** An open microphone. */
export interface Microphone {
  sampleRate: number;
  /** What the listener reads: shared memory where the page may have it, else a port. */
  source: SharedArrayBuffer | MessagePort;
  /** Hears nothing until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Closes the microphone; the light of the device goes out. */
  close(): void;
}

/**
 * Opens a microphone; the browser asks its user first.
 *
 * @param device - its id; "" for the system's choice
 * @param tell - called with what happens to it
 * @throws NoMicrophoneError if there is none, or it may not be used
 */
export async function openMicrophone(
  device: string,
  tell: (event: MicrophoneEvent) => void,
): Promise<Microphone> {
  const stream = await permitted(device);
  try {
    return await captured(stream, tell);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

/**
 * Opens the sound of a tab, a window or the whole system; the browser asks its user which.
 *
 * @throws NoMicrophoneError if the browser or its user gives none
 */
export async function openScreen(tell: (event: MicrophoneEvent) => void): Promise<Microphone> {
  let stream: MediaStream;
  try {
    // Browsers give no sound without a picture; nobody looks at it.
    stream = await navigator.mediaDevices.getDisplayMedia({
      video: true,
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
      systemAudio: "include",
    } as DisplayMediaStreamOptions);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    throw new NoMicrophoneError(
      name === "NotAllowedError"
        ? "Nothing was chosen to listen to. Try again, and choose a tab or a screen with its sound."
        : `Its sound cannot be had (${name || error}).`,
    );
  }
  try {
    if (!stream.getAudioTracks().length) throw new NoMicrophoneError(NO_SOUND);
    for (const picture of stream.getVideoTracks()) picture.stop();
    return await captured(stream, tell);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    throw error;
  }
}

const NO_SOUND =
  "What was chosen came without sound. Choose a tab, and tick that its sound is shared; some browsers share none.";

/** Returns the microphones; their names are empty before permission was given once. */
export async function microphones(): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId);
}

async function permitted(device: string): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new NoMicrophoneError(
      "Browsers open microphones only for pages that come over https, or from localhost.",
    );
  }
  try {
    // Whisper copes with rooms and noise better than with what such processing makes of speech.
    return await navigator.mediaDevices.getUserMedia({
      audio: {
        channelCount: 1,
        echoCancellation: false,
        noiseSuppression: false,
        autoGainControl: false,
        ...(device && { deviceId: { exact: device } }),
      },
    });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "OverconstrainedError" && device) return permitted("");
    throw new NoMicrophoneError(PROBLEMS[name] ?? `The microphone cannot be opened (${name}).`);
  }
}

const PROBLEMS: Record<string, string> = {
  NotAllowedError:
    "The microphone was refused. Allow it for this page in the browser's address bar, then try again. Files work without it.",
  NotFoundError: "There is no microphone here. Plug one in, or choose a file.",
  NotReadableError: "The microphone is in use by another application, or the system blocks it.",
  SecurityError: "This browser does not let the page use a microphone.",
};

async function captured(
  stream: MediaStream,
  tell: (event: MicrophoneEvent) => void,
): Promise<Microphone> {
  const context = new AudioContext({ latencyHint: "interactive" });
  await Promise.all([context.audioWorklet.addModule(captureUrl), context.resume()]);
  const [source, target] = connection(context.sampleRate);
  const capture = new AudioWorkletNode(context, "capture", {
    channelCount: 1,
    channelCountMode: "explicit",
  });
  capture.port.postMessage(target, target instanceof MessagePort ? [target] : []);
  capture.port.onmessage = (event: MessageEvent<number>) =>
    tell({ kind: "lost", milliseconds: (event.data / context.sampleRate) * 1000 });
  context.createMediaStreamSource(stream).connect(capture);
  // Some browsers run only what leads to the loudspeaker; the output is silence.
  capture.connect(context.destination);
  const [track] = stream.getAudioTracks();
  track.onended = () => tell({ kind: "ended" });
  let muted = false;
  const tellTrouble = () => {
    const paused = context.state !== "running" ? "The system paused listening" : null;
    tell({ kind: "trouble", reason: muted ? "The system muted the microphone" : paused });
  };
  track.onmute = track.onunmute = ({ type }) => {
    muted = type === "mute";
    tellTrouble();
  };
  let paused = false;
  // Where it may not go on by itself, it does when somebody comes back to the page.
  const goOn = () => void context.resume().catch(() => {});
  context.onstatechange = () => {
    if (context.state === "closed" || paused) return;
    tellTrouble();
    if (context.state !== "running") goOn();
  };
  const resume = () => {
    if (context.state !== "running" && !paused && !document.hidden) goOn();
  };
  document.addEventListener("visibilitychange", resume);
  return {
    sampleRate: context.sampleRate,
    source,
    async pause() {
      paused = true;
      track.enabled = false;
      await context.suspend();
    },
    async resume() {
      paused = false;
      track.enabled = true;
      await context.resume();
    },
    close() {
      document.removeEventListener("visibilitychange", resume);
      context.onstatechange = null;
      track.onended = track.onmute = track.onunmute = null;
      for (const one of stream.getTracks()) one.stop();
      void context.close();
    },
  };
}

/** Returns where the listener reads, and where the audio thread writes. */
function connection(
  sampleRate: number,
): [SharedArrayBuffer | MessagePort, SharedArrayBuffer | MessagePort] {
  if (globalThis.crossOriginIsolated) {
    const memory = RingBuffer.getStorageForCapacity(sampleRate * RING_SECONDS, Float32Array);
    return [memory, memory];
  }
  const { port1, port2 } = new MessageChannel();
  return [port1, port2];
}
