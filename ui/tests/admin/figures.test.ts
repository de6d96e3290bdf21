import { expect, it } from "vitest";
import { ago, count, dollars, lasting, percent, summary, timesOf } from "../../admin/figures";

it.each([
  [0, "0.00 $"],
  [0.0042, "0.0042 $"],
  [0.05, "0.05 $"],
  [0.526, "0.53 $"],
  [12.4, "12.40 $"],
  [1_234.4, "1,234 $"],
])("writes %d dollars as %s", (amount, text) => {
  expect(dollars(amount)).toBe(text);
});

it("writes what is not known as a dash", () => {
  expect([count(null), percent(null), lasting(null)]).toEqual(["–", "–", "–"]);
});

it("writes counts, shares and lengths of time", () => {
  expect([count(0), count(2.25), count(12_345.6)]).toEqual(["0", "2.3", "12,346"]);
  expect([percent(0), percent(0.424)]).toEqual(["0 %", "42 %"]);
  expect([lasting(3_600), lasting(180), lasting(200_000)]).toEqual(["1 h", "3 min", "2 days"]);
});

it("writes how long ago something was", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const times = [null, "2026-01-31T11:59:30Z", "2026-01-31T11:55:00Z", "2026-01-31T09:00:00Z"];
  const words = [...times, "2026-01-28T12:00:00Z"].map((time) => ago(time, now));
  expect(words).toEqual(["never", "just now", "5 min ago", "3 h ago", "3 days ago"]);
});

it("says in words what a chart shows", () => {
  expect(summary("Requests", "count", [null, 3, 12, 4])).toBe("Requests: 4 now, 12 at most.");
  expect(summary("Wait", "seconds", [0.5, null])).toBe("Wait: 0.5 s now, 0.5 s at most.");
  expect(summary("Errors", "share", [null])).toBe("Errors: nothing was measured.");
});

it("knows the times of a chart's values", () => {
  expect(timesOf("1970-01-01T00:01:00Z", 300, 3)).toEqual([60, 360, 660]);
});
