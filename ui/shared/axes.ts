/** Where frequencies and times stand in a spectrogram, and how they are written. */

import { SAMPLE_RATE } from "../chain/framing";

/** Highest frequency of a mel image, in hertz. */
const HIGHEST = SAMPLE_RATE / 2;
const LABELLED = [500, 1_000, 2_000, 4_000];

/** Slaney's mel scale, on which the rows of a mel image lie: linear to 1 kHz, logarithmic above. */
export function mel(hertz: number): number {
  return hertz < 1_000 ? (3 * hertz) / 200 : 15 + (27 * Math.log(hertz / 1_000)) / Math.log(6.4);
}

/** Returns the frequencies to label, each with its height: 0 at the bottom to 1 at the top. */
export function frequencyMarks(): { height: number; label: string }[] {
  return LABELLED.map((frequency) => ({
    height: mel(frequency) / mel(HIGHEST),
    label: frequency < 1_000 ? `${frequency} Hz` : `${frequency / 1_000} kHz`,
  }));
}

/** Returns the times to label in a view, at most `most` of them, in seconds. */
export function timeMarks(start: number, end: number, most: number): number[] {
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600];
  const step = steps.find((seconds) => (end - start) / seconds <= most) ?? 7_200;
  const first = Math.ceil(Math.max(0, start) / step);
  const count = Math.max(0, Math.floor(end / step) - first + 1);
  return Array.from({ length: count }, (_, index) => (first + index) * step);
}

/** Writes seconds as on a clock: 0:04, 1:02:03; with tenths where they matter. */
export function clock(seconds: number, tenths = false): string {
  const units = tenths ? Math.round(seconds * 10) : Math.floor(seconds + 1e-6) * 10;
  const whole = Math.floor(units / 10);
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map(String);
  const hours = Math.floor(whole / 3_600);
  if (hours) parts[0] = parts[0].padStart(2, "0");
  parts[1] = parts[1].padStart(2, "0");
  const text = [...(hours ? [hours] : []), ...parts].join(":");
  return tenths ? `${text}.${units % 10}` : text;
}
