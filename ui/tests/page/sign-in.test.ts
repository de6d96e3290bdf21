import { describe, expect, it } from "vitest";
import { type Me, mustBeSignedIn, outcomeWords, share, speech } from "../../page/sign-in";

const nobody = { sign_in: true, signed_in: false, usage: null, limits: null } as const;

describe("signing in", () => {
  it.each<[string, Me | null, boolean]>([
    ["is not asked for before the service said so", null, false],
    ["is not asked for where there is none", { sign_in: false }, false],
    ["is asked for where nobody else may send", { ...nobody, anonymous: false }, true],
    ["can be left where anybody may try", { ...nobody, anonymous: true }, false],
  ])("%s", (_, who, expected) => {
    expect(mustBeSignedIn(who)).toBe(expected);
  });

  it.each(["denied", "not-permitted", "expired", "failed", "unavailable"])(
    "has words for ending as %s",
    (code) => {
      expect(outcomeWords(code)).toMatch(/^[A-Z].+\.$/);
    },
  );

  it("says nothing about endings that it does not know", () => {
    expect(outcomeWords("<script>")).toBeNull();
  });
});

it.each([
  [0, "0 s"],
  [40, "40 s"],
  [600, "10 min"],
  [9_130.5, "2 h 32 min"],
  [36_000, "10 h"],
])("writes %d seconds of a quota as %s", (seconds, text) => {
  expect(speech(seconds)).toBe(text);
});

it.each([
  [0, 10, 0],
  [5, 10, 0.5],
  [20, 10, 1],
  [0, 0, 1],
])("of %d in %d, %d is the share", (used, limit, expected) => {
  expect(share(used, limit)).toBe(expected);
});
