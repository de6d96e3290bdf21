/** How figures are written for administrators; what is not known is a dash. */

import { duration } from "../page/figures";
import type { Series } from "./answers";

type Unit = Series["unit"];

export const NOT_KNOWN = "–";

/** Writes dollars: 0.0042 $, 0.53 $, 12.40 $, 1,234 $. */
export function dollars(amount: number): string {
  const digits = amount >= 1_000 ? 0 : amount !== 0 && Math.abs(amount) < 0.1 ? 4 : 2;
  return `${amount.toLocaleString("en", {
    minimumFractionDigits: Math.min(digits, 2),
    maximumFractionDigits: digits,
  })} $`;
}

/** Writes a number of things: 1,204. */
export function count(number: number | null): string {
  if (number === null) return NOT_KNOWN;
  return number.toLocaleString("en", { maximumFractionDigits: number < 10 ? 1 : 0 });
}

/** Writes a share of 0 to 1: 42 %. */
export function percent(share: number | null): string {
  return share === null ? NOT_KNOWN : `${Math.round(share * 100)} %`;
}

/** Writes a length of time: 4.2 s, 3 min 5 s, 2 days. */
export function lasting(seconds: number | null): string {
  if (seconds === null) return NOT_KNOWN;
  if (seconds < 172_800) return duration(seconds).replace(/ 0 (min|s)$/, "");
  return `${Math.floor(seconds / 86_400)} days`;
}

/** Writes how long ago something was: just now, 5 min ago, 2 days ago. */
export function ago(time: string | null, now = Date.now()): string {
  if (time === null) return "never";
  const seconds = (now - Date.parse(time)) / 1_000;
  if (seconds < 60) return "just now";
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h ago`;
  return `${Math.floor(seconds / 86_400)} days ago`;
}

/** Writes a moment where the reader is: 31 Jan 2026, 12:00. */
export function moment(time: string): string {
  return new Date(time).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

/** Writes a time of day where the reader is: 12:00:07. */
export function clock(time: string): string {
  return new Date(time).toLocaleTimeString([]);
}

/** Returns the values of a chart with their times, in Unix seconds. */
export function timesOf(from: string, step: number, values: number): number[] {
  const start = Date.parse(from) / 1_000;
  return Array.from({ length: values }, (_, index) => start + index * step);
}

/** Writes a value of a chart by its unit. */
export function measure(value: number | null, unit: Unit): string {
  return { count, seconds: lasting, share: percent }[unit](value);
}

/** Says what a chart shows, in a sentence for who does not see it. */
export function summary(label: string, unit: Unit, values: (number | null)[]): string {
  const known = values.filter((value) => value !== null);
  if (!known.length) return `${label}: nothing was measured.`;
  const last = measure(known[known.length - 1], unit);
  return `${label}: ${last} now, ${measure(Math.max(...known), unit)} at most.`;
}
