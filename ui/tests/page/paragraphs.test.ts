import { describe, expect, it } from "vitest";
import type { Take } from "../../page/library";
import { paragraphs, said } from "../../page/paragraphs";
import type { Phrase, Stretch, Utterance } from "../../shared/messages";

function utterance(
  start: number,
  end: number,
  text: string | null,
  joins?: Stretch[],
  phrases: Phrase[] = [],
): Utterance {
  return {
    id: `${start}${joins ? " joined" : ""}`,
    start,
    end,
    state: text === null ? "waiting" : "answered",
    answer: text === null ? null : { text, language: null, confidence: null, phrases },
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

  it("keep the words of their parts where the joined picture is a loop", () => {
    const loop = utterance(0, 8, "Ask not what your country can. ".repeat(20), stretches);
    expect(read("microphone", one, loop, two, three)).toEqual([["0", "3", "4.5"]]);
  });

  it("have no words where only the joined picture of their parts has some", () => {
    const [silent, still] = [utterance(0, 2, ""), utterance(3, 4, "")];
    const invented = utterance(0, 4, "Thank you for watching!", [silent, still]);
    expect(read("microphone", silent, invented, still)).toEqual([["0", "3"]]);
  });

  it("keep the words of their parts where the joined picture left one of them out", () => {
    const long = utterance(
      5,
      20,
      "We choose to go to the moon in this decade and do the other things",
    );
    const short = utterance(21, 23, "not because they are easy");
    const without = `${long.answer?.text}.`;
    const settled = utterance(
      5,
      23,
      without,
      [long, short],
      [{ start: 5, end: 20, text: without }],
    );
    expect(read("microphone", long, settled, short)).toEqual([["5", "21"]]);
  });

  it("are settled where a part is heard as other words", () => {
    const settled = utterance(
      0,
      4,
      "And so my fellow Americans, asked, naught.",
      [one, two],
      [
        { start: 0, end: 2, text: "And so my fellow Americans," },
        { start: 3, end: 4, text: "asked, naught." },
      ],
    );
    expect(read("microphone", one, settled, two)).toEqual([["0 joined"]]);
  });

  it("keep what somebody wrote in a part, whatever is heard of it later", () => {
    const settled = utterance(0, 8, whole, stretches);
    const mended = { ...two, mended: "Ask not," };
    expect(read("microphone", one, settled, mended, three)).toEqual([["0", "3", "4.5"]]);
  });

  it("keep what somebody wrote in a settled one, though a part has other words by then", () => {
    const settled = { ...utterance(0, 8, whole, stretches), mended: "Ask." };
    expect(
      read("microphone", one, settled, two, utterance(4.5, 8, "Much more. ".repeat(9))),
    ).toEqual([["0 joined"]]);
  });

  it("stay as they are while somebody mends them", () => {
    const settled = utterance(0, 8, whole, stretches);
    const take = { recording: { kind: "microphone" }, utterances: [one, settled, two, three] };
    const ids = (held: string[]) =>
      paragraphs(take as Take, new Set(held)).map((paragraph) => said(paragraph).length);
    expect(ids(["3"])).toEqual([3]);
    expect(ids(["20"])).toEqual([1]);
  });

  it("go on over a joined picture that settles nothing", () => {
    for (const text of [null, "And so."]) {
      const unsettled = utterance(0, 4, text, [one, two]);
      expect(read("microphone", one, unsettled, two, three)).toEqual([["0", "3", "4.5"]]);
    }
  });
});
