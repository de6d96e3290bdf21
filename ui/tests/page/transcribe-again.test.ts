import { describe, expect, it } from "vitest";
import type { Take } from "../../page/library";
import { toTranscribeAgain } from "../../page/transcribe-again";
import type { Utterance } from "../../shared/messages";

function utterance(start: number, end: number, state = "answered"): Utterance {
  return { id: `${start}-${end}`, start, end, state } as Utterance;
}

const parts = [utterance(0, 2), utterance(3, 5), utterance(9, 12), utterance(12, 13, "open")];
const joined = utterance(0, 5);
const take = { utterances: [joined, ...parts] } as Take;

function ids(part: { start: number; end: number } | null): string[] {
  return toTranscribeAgain(take, part).map(({ id }) => id);
}

describe("what is transcribed again", () => {
  it("is all that has a whole picture", () => {
    expect(ids(null)).toEqual(["0-5", "0-2", "3-5", "9-12"]);
  });

  it("is a joined picture with those that it joins", () => {
    expect(ids(joined)).toEqual(["0-5", "0-2", "3-5"]);
  });

  it("is one picture where it stands alone", () => {
    expect(ids({ start: 9, end: 12 })).toEqual(["9-12"]);
  });
});
