import { describe, expect, it } from "vitest";
import type { Take } from "../../page/library";
import { paragraphs, said } from "../../page/paragraphs";
import type { Stretch, Utterance } from "../../shared/messages";

function utterance(start: number, end: number, text: string | null, joins?: Stretch[]): Utterance {
  return {
    id: `${start}${joins ? " joined" : ""}`,
    start,
    end,
    state: text === null ? "waiting" : "answered",
    answer: text === null ? null : { text, language: null, confidence: null, phrases: [] },
    ...(joins && { joins }),
  } as Utterance;
}

/** The ids of what is read, paragraph by paragraph. */
function read(kind: "microphone" | "file", ...utterances: Utterance[]): string[][] {
  const take = { recording: { kind }, utterances } as Take;
  return paragraphs(take).map((paragraph) => said(paragraph).map(({ id }) => id));
}

const [one, two, three, four] = [
  utterance(0, 2, "And so my fellow Americans."),
  utterance(3, 4, "Ask not!"),
  utterance(4.5, 8, "What your country can do for you?"),
  utterance(20, 22, "Thank you."),
];
const stretches = [one, two, three];
const whole = "And so, my fellow Americans, ask not what your country can do for you.";

describe("paragraphs", () => {
  it("of a file are its utterances", () => {
    expect(read("file", one, two)).toEqual([["0"], ["3"]]);
  });

  it("of live speech go on over short pauses, and end with long ones", () => {
    expect(read("microphone", one, two, three, four)).toEqual([["0", "3", "4.5"], ["20"]]);
  });

  it("are settled when the joined picture has words", () => {
    const waiting = utterance(0, 8, null, stretches);
    expect(read("microphone", one, waiting, two, three)).toEqual([["0", "3", "4.5"]]);
    const settled = utterance(0, 8, whole, stretches);
    expect(read("microphone", one, settled, two, three, four)).toEqual([["0 joined"], ["20"]]);
  });

  it("end where a joined picture ends, though speech goes on", () => {
    const settled = utterance(0, 4, "And so, my fellow Americans, ask not.", [one, two]);
    expect(read("microphone", one, settled, two, three)).toEqual([["0 joined"], ["4.5"]]);
  });

  it("keep the words of their parts where the joined picture lost some", () => {
    const lost = utterance(0, 8, "And so.", stretches);
    expect(read("microphone", one, lost, two, three)).toEqual([["0", "3", "4.5"]]);
  });
});
