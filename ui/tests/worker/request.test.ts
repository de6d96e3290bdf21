import { describe, expect, it } from "vitest";
import type { Utterance } from "../../shared/messages";
import { outcome, placeIn, quotaWait, retryAfter } from "../../worker/request";

const itself = (seconds: number) => seconds;

function error(status: number, headers: Record<string, string> = {}): Response {
  const body = JSON.stringify({ error: { message: "because" } });
  return new Response(body, { status, headers });
}

describe("an answer of the service", () => {
  it("gives words the times of the recording, and weighs confidence by tokens", async () => {
    const body = {
      text: " Hello there. ",
      language: "english",
      segments: [
        { start: 0, end: 1, text: " Hello", avg_logprob: Math.log(0.5), tokens: [1, 2, 3] },
        { start: 1, end: 2, text: " there.", avg_logprob: Math.log(0.25), tokens: [4] },
      ],
      words: [
        { word: "Hello", start: 0, end: 0.8, probability: 0.9 },
        { word: "there.", start: 1, end: 2 },
      ],
      unheard: [{ start: 2.5, end: 6 }],
    };
    const result = await outcome(new Response(JSON.stringify(body)), (seconds) => 10 + seconds);
    expect(result).toEqual({
      kind: "answered",
      answer: {
        text: "Hello there.",
        language: "english",
        confidence: expect.closeTo(Math.exp((3 * Math.log(0.5) + Math.log(0.25)) / 4)),
        phrases: [
          { start: 10, end: 11, text: "Hello" },
          { start: 11, end: 12, text: "there." },
        ],
        words: [
          { start: 10, end: 10.8, text: "Hello", probability: 0.9 },
          { start: 11, end: 12, text: "there.", probability: null },
        ],
        unheard: [{ start: 12.5, end: 16 }],
      },
    });
  });

  it("without segments has no confidence", async () => {
    const result = await outcome(new Response('{"text": "Hello."}'), itself);
    expect(result).toMatchObject({
      answer: { confidence: null, language: null, phrases: [], unheard: [] },
    });
  });

  it.each([408, 429, 500, 502, 503, 504])("of %d means: later", async (status) => {
    expect(await outcome(error(status, { "Retry-After": "7" }), itself)).toEqual({
      kind: "later",
      reason: "because",
      after: 7_000,
    });
  });

  it("that a quota is spent means: much later, whatever Retry-After says", async () => {
    const body = JSON.stringify({ error: { message: "because", code: "quota_exceeded" } });
    const response = new Response(body, { status: 429, headers: { "Retry-After": "60" } });
    const result = await outcome(response, itself);
    expect(result).toMatchObject({ kind: "spent", reason: "because" });
    expect((result as { after: number }).after).toBeGreaterThan(1_000);
  });

  it("of 204 means that others wait, and nothing of when to ask again", async () => {
    expect(await outcome(new Response(null, { status: 204 }), itself)).toMatchObject({
      kind: "later",
      after: 0,
    });
  });

  it.each([401, 403])("of %d means: not without another key", async (status) => {
    expect((await outcome(error(status), itself)).kind).toBe("locked");
  });

  it.each([400, 404, 413, 415, 422])("of %d means: never", async (status) => {
    expect(await outcome(error(status), itself)).toEqual({ kind: "refused", reason: "because" });
  });

  it.each([
    [400, null, "because (request one)"],
    [403, "not_allowed", "because (request one)"],
    [503, "unreachable", "because (request one)"],
    [503, "starting", "because"],
    [429, "queue_full", "because"],
    [401, "invalid_api_key", "because"],
  ])("of %d, %s says what logs call the request, where that helps", async (status, code, said) => {
    const body = JSON.stringify({ error: { message: "because", code, request_id: "one" } });
    expect(await outcome(new Response(body, { status }), itself)).toMatchObject({ reason: said });
  });

  it("that is no JSON is still understood", async () => {
    const result = await outcome(new Response("<html>", { status: 502 }), itself);
    expect(result).toMatchObject({ kind: "later", reason: "the service answered 502" });
  });
});

describe("a place in a picture", () => {
  it("lies in its segment", () => {
    expect(placeIn({ start: 10, end: 12 } as Utterance)(1.5)).toBe(11.5);
  });

  it("lies in one of the segments that are joined, and never between them", () => {
    const joins = [
      { start: 1, end: 3 },
      { start: 10, end: 11 },
      { start: 20, end: 25 },
    ];
    const place = placeIn({ start: 1, end: 25, joins } as Utterance);
    expect([0, 2.5, 3.5, 9].map((seconds) => place(seconds))).toEqual([1, 10.5, 20.5, 26]);
    // What begins at a joint begins after the pause, and what ends there ends before it.
    expect([place(2), place(2, true)]).toEqual([10, 3]);
  });
});

it.each([
  [null, null],
  ["3", 3_000],
  ["Mon, 23 Nov 2026 04:00:10 GMT", 10_000],
  ["Mon, 23 Nov 2026 03:00:00 GMT", 0],
  ["soon", null],
])("Retry-After %s is %s milliseconds", (header, wait) => {
  expect(retryAfter(header, Date.UTC(2026, 10, 23, 4))).toBe(wait);
});

it.each([
  ["2026-11-23T12:00:00Z", 15 * 60_000],
  ["2026-11-23T23:58:00Z", 125_000],
  ["2026-11-24T00:00:00Z", 15 * 60_000],
])("a quota that is spent at %s is tried again after %d milliseconds", (time, wait) => {
  expect(quotaWait(Date.parse(time))).toBe(wait);
});
