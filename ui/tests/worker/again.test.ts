import { describe, expect, it } from "vitest";
import type { Answer, Utterance } from "../../shared/messages";
import { heardAs, toBeTranscribedAgain, translated } from "../../worker/again";

const wishes = { model: "", language: "", task: "transcribe" as const, melBins: 80 as const };
const other = { model: "", language: "de", keywords: ["Ada"] };

function answer(text: string): Answer {
  return { text, language: "english", confidence: null, phrases: [] };
}

const heard = {
  id: "one",
  wishes: { ...wishes, encoding: { format: "png" } },
  bytes: 100,
  state: "answered",
  answer: answer("before"),
  answered: 1,
  sent: 0,
  problem: null,
} as Utterance;
const english = { text: "English", phrases: [], problem: null };

describe("what is transcribed again", () => {
  const waiting = toBeTranscribedAgain({ ...heard, translation: english }, other);

  it("keeps its words while it waits", () => {
    expect(waiting).toMatchObject({ state: "waiting", answer: { text: "before" } });
    expect(waiting.wishes).toMatchObject(other);
  });

  it("has others then, and no longer those in English", () => {
    const now = heardAs(waiting, waiting, { kind: "answered", answer: answer("after") }, true);
    expect(now).toMatchObject({ state: "answered", answer: { text: "after" } });
    expect(now.again).toEqual({ pictures: 1, bytes: 100 });
    expect(now).not.toHaveProperty("before");
    expect(now).not.toHaveProperty("translation");
  });

  it("has what it had where it is refused, also where it was wanted twice", () => {
    const twice = toBeTranscribedAgain(waiting, { ...other, language: "fr" });
    const now = heardAs(twice, twice, { kind: "refused", reason: "because" }, true);
    expect(now).toMatchObject({
      state: "answered",
      answer: { text: "before" },
      problem: "because",
    });
    expect(now.wishes).toEqual(heard.wishes);
    expect(now.translation).toEqual(english);
  });

  it("waits on where somebody wants it otherwise meanwhile", () => {
    const twice = toBeTranscribedAgain(waiting, { ...other, language: "fr" });
    expect(heardAs(twice, waiting, { kind: "answered", answer: answer("after") }, true)).toBe(
      twice,
    );
  });

  it("is nothing that is still being said", () => {
    const open = { ...heard, state: "open" } as Utterance;
    expect(toBeTranscribedAgain(open, other)).toBe(open);
  });

  it("keeps what somebody mended", () => {
    const mended = { ...waiting, mended: "by hand" };
    const now = heardAs(mended, waiting, { kind: "answered", answer: answer("after") }, true);
    expect(now.mended).toBe("by hand");
  });
});

describe("what is refused", () => {
  it("has no words, if it had none", () => {
    const { answer: _, ...rest } = heard;
    const waiting = { ...rest, answer: null, state: "waiting" } as Utterance;
    const now = heardAs(waiting, waiting, { kind: "refused", reason: "because" }, true);
    expect(now).toMatchObject({ state: "refused", problem: "because" });
    expect(now.again).toBeUndefined();
  });
});

describe("words in English", () => {
  it("stand beside the answer that they are of, and are counted in any case", () => {
    expect(translated(heard, heard, english, true)).toMatchObject({
      translation: english,
      again: { pictures: 1, bytes: 100 },
    });
    const later = translated({ ...heard, answered: 2 }, heard, english, true);
    expect(later.translation).toBeUndefined();
    expect(later.again).toEqual({ pictures: 1, bytes: 100 });
  });
});

describe("what leaves this device", () => {
  const here = { ...heard, left: false };
  const words = { kind: "answered", answer: answer("after") } as const;

  it("is a picture that the service hears after this device, once", () => {
    const waiting = toBeTranscribedAgain(here, other);
    const now = heardAs(waiting, waiting, words, true);
    expect(now.left).toBe(true);
    expect(heardAs(waiting, here, words, true).left).toBe(true);
    expect(now.again).toBeUndefined();
    expect(translated(here, here, english, true).again).toBeUndefined();
  });

  it("is nothing that this device hears, also once more", () => {
    const now = heardAs({ ...here, state: "waiting" }, here, words, false);
    expect(now.left).toBe(false);
    expect(now.again).toBeUndefined();
    expect(translated(here, here, english, false).left).toBe(false);
  });

  it("stays what left, though this device hears it then", () => {
    const waiting = toBeTranscribedAgain(heard, other);
    const now = heardAs(waiting, waiting, words, false);
    expect(now.left).toBe(true);
    expect(now.again).toBeUndefined();
  });
});
