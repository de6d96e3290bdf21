import { expect, it } from "vitest";
import {
  byteCount,
  duration,
  fateOf,
  languageName,
  pictureSeconds,
  soundBytes,
  wordsLeft,
} from "../../page/figures";
import { clock, frequencyMarks, mel, timeMarks } from "../../shared/axes";
import type { Utterance } from "../../shared/messages";

it.each([
  [0, "0 B"],
  [999, "999 B"],
  [1_000, "1.0 kB"],
  [61_400, "61 kB"],
  [1_440_000, "1.4 MB"],
  [39e6, "39 MB"],
  [2.14e9, "2.1 GB"],
])("writes %d bytes as %s", (bytes, text) => {
  expect(byteCount(bytes)).toBe(text);
});

it.each([
  [4.16, "4.2 s"],
  [28.4, "28 s"],
  [185.2, "3 min 5 s"],
  [3_840, "1 h 4 min"],
])("writes %d seconds as %s", (seconds, text) => {
  expect(duration(seconds)).toBe(text);
});

it.each([
  [0, false, "0:00"],
  [9.99, false, "0:09"],
  [59.96, true, "1:00.0"],
  [3_723, false, "1:02:03"],
  [75.25, true, "1:15.3"],
])("writes %d seconds as on a clock (tenths: %s): %s", (seconds, tenths, text) => {
  expect(clock(seconds, tenths)).toBe(text);
});

it("knows languages by code and by the names that services answer", () => {
  expect(languageName("de")).toBe("German");
  expect(languageName("haitian creole")).toBe("Haitian creole");
});

it("counts 16-bit sound at 16 kHz", () => {
  expect(soundBytes(30)).toBe(960_000);
});

it("has Slaney's mel scale: linear to 1 kHz, 27 steps to each 6.4-fold above", () => {
  expect(mel(500)).toBeCloseTo(7.5);
  expect(mel(1_000)).toBeCloseTo(15);
  expect(mel(6_400)).toBeCloseTo(42);
  expect(frequencyMarks().map(({ label }) => label)).toEqual(["500 Hz", "1 kHz", "2 kHz", "4 kHz"]);
});

it.each([
  [0, 4.15, 14],
  [-3, 7, 10],
  [7_190, 7_200, 5],
  [0, 36_000, 12],
])("marks times from %d s to %d s, at most %d, evenly and inside", (start, end, most) => {
  const marks = timeMarks(start, end, most);
  expect(marks.length).toBeGreaterThan(1);
  expect(marks.length).toBeLessThanOrEqual(most + 1);
  expect(Math.min(...marks)).toBeGreaterThanOrEqual(Math.max(0, start));
  expect(Math.max(...marks)).toBeLessThanOrEqual(end);
});

it("tells how long words will take from the pace of the latest", () => {
  const answered = (start: number, when: number, sent = when - 3_000) =>
    ({ start, end: start + 15, state: "answered", sent, answered: when }) as Utterance;
  const waiting = { start: 30, end: 60, state: "waiting", answered: null } as Utterance;
  expect(wordsLeft([answered(0, 1_000), waiting])).toBeNull();
  // 15 s of speech took 3 s.
  expect(wordsLeft([answered(15, 6_000), answered(0, 3_000), waiting])).toBe(6);
  // Two at once take as long as one.
  expect(wordsLeft([answered(15, 3_000), answered(0, 3_000), waiting])).toBe(3);
  // Days in which nothing waited took nobody's time.
  const days = 3 * 86_400_000;
  expect(wordsLeft([answered(0, 3_000), answered(15, days), waiting])).toBe(6);
  // Nobody knows how long what waits for the service does.
  const beyond = { ...waiting, problem: "it knows English alone" };
  expect(wordsLeft([answered(0, 3_000), answered(15, 6_000), beyond])).toBeNull();
});

it.each([
  ["that was answered by the service", { state: "answered", sent: 1, left: true }, "Sent"],
  ["of before anybody could tell", { state: "answered", sent: 1 }, "Sent"],
  ["that failed on its way, and was heard here", { state: "answered", left: true }, "Sent"],
  ["that is heard here, or sent, in a moment", { state: "waiting", sent: null }, "Waiting"],
  ["that this device heard", { state: "answered", sent: 1, left: false }, "Stayed here"],
  ["that this device refused", { state: "refused", sent: 1, left: false }, "Stayed here"],
])("tells where a picture went %s", (_, utterance, fate) => {
  expect(fateOf(utterance as Utterance)).toBe(fate);
});

it("counts the sound in a picture without the pauses between what it joins", () => {
  expect(pictureSeconds({ start: 1, end: 9 } as Utterance)).toBe(8);
  const joins = [
    { start: 1, end: 3 },
    { start: 8, end: 9 },
  ];
  expect(pictureSeconds({ start: 1, end: 9, joins } as Utterance)).toBe(3);
});
