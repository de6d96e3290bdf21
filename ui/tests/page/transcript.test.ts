import { strFromU8, unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import type { Take } from "../../page/library";
import { inEnglish, plainText, transcriptFile, written } from "../../page/transcript";
import type { Answer, Utterance } from "../../shared/messages";

function answer(text: string, phrases: Answer["phrases"] = []): Answer {
  return { text, language: "english", confidence: 0.9, phrases };
}

function utterance(start: number, end: number, changes: Partial<Utterance>): Utterance {
  return {
    id: `take/${start}`,
    recording: "take",
    order: start,
    start,
    end,
    wishes: {
      model: "",
      language: "",
      task: "transcribe",
      encoding: { format: "png" },
      melBins: 80,
    },
    type: "image/png",
    bytes: 1000,
    waveform: new Int8Array(2),
    state: "answered",
    answer: null,
    problem: null,
    spoken: null,
    sent: null,
    answered: null,
    ...changes,
  };
}

const take: Take = {
  recording: {
    id: "take",
    name: "board: meeting.m4a",
    kind: "file",
    begun: Date.UTC(2026, 10, 23),
    seconds: 3_700.5,
    problem: null,
  },
  utterances: [
    utterance(0.5, 2, { answer: answer("Good morning.") }),
    utterance(2.25, 5, { state: "waiting" }),
    utterance(6, 9, { answer: { ...answer(""), unheard: [{ start: 6.2, end: 8.9 }] } }),
    utterance(3_661.5, 3_665, {
      answer: answer("A < B & C --> D. Bye.", [
        { start: 3_661.5, end: 3_663.0004, text: "A < B & C --> D." },
        { start: 3_663.0004, end: 3_665, text: "Bye." },
      ]),
    }),
  ],
};

describe("a transcript", () => {
  it("as text has a line for each utterance with words", () => {
    expect(written(take, "txt")).toBe("Good morning.\nA < B & C --> D. Bye.\n");
    expect(plainText({ ...take, utterances: [] })).toBe("");
  });

  it("as SubRip counts its cues and has commas in its times", () => {
    expect(written(take, "srt")).toBe(
      "1\n00:00:00,500 --> 00:00:02,000\nGood morning.\n\n" +
        "2\n01:01:01,500 --> 01:01:03,000\nA < B & C -> D.\n\n" +
        "3\n01:01:03,000 --> 01:01:05,000\nBye.\n",
    );
  });

  it("as WebVTT escapes what has a meaning there", () => {
    expect(written(take, "vtt")).toBe(
      "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nGood morning.\n\n" +
        "01:01:01.500 --> 01:01:03.000\nA &lt; B &amp; C --&gt; D.\n\n" +
        "01:01:03.000 --> 01:01:05.000\nBye.\n",
    );
  });

  it("as JSON has every utterance, with or without words", () => {
    const { segments, ...rest } = JSON.parse(written(take, "json"));
    expect(rest).toEqual({
      name: "board: meeting.m4a",
      begun: "2026-11-23T00:00:00.000Z",
      duration: 3_700.5,
      text: "Good morning.\nA < B & C --> D. Bye.",
    });
    expect(segments.map(({ text }: { text: string | null }) => text)).toEqual([
      "Good morning.",
      null,
      "",
      "A < B & C --> D. Bye.",
    ]);
    expect(segments[3].phrases).toHaveLength(2);
    expect(segments[2].unheard).toEqual([{ start: 6.2, end: 8.9 }]);
  });

  it("as JSON has the times of words where the service said them", () => {
    const [first] = take.utterances;
    const words = [
      { text: " Good", start: 0.5004, end: 0.9, probability: 0.8 },
      { text: " morning.", start: 0.9, end: 2, probability: null },
    ];
    const heard = first.answer as Answer;
    const timed = { ...take, utterances: [{ ...first, answer: { ...heard, words } }] };
    expect(JSON.parse(written(timed, "json")).segments[0].words).toEqual([
      { word: "Good", start: 0.5, end: 0.9, probability: 0.8 },
      { word: "morning.", start: 0.9, end: 2, probability: null },
    ]);
    expect(JSON.parse(written(take, "json")).segments[0].words).toBeUndefined();
  });

  it("as JSON has nothing of what is still being said", () => {
    const open = utterance(3_666, 3_667, { state: "open" });
    const goingOn = { ...take, utterances: [...take.utterances, open] };
    expect(JSON.parse(written(goingOn, "json")).segments).toHaveLength(4);
  });

  it("has the settled words of what was said live, a paragraph to a line", () => {
    const parts = [
      utterance(0, 2, { answer: answer("And so my fellow Americans.") }),
      utterance(3, 4, { answer: answer("Ask not!") }),
      utterance(9, 12, { answer: answer("Thank") }),
      utterance(12.5, 13, { answer: answer("you.") }),
    ];
    const settled = utterance(0, 4, {
      id: "take/joined 0",
      joins: [
        { start: 0, end: 2 },
        { start: 3, end: 4 },
      ],
      answer: answer("And so, my fellow Americans, ask not.", [
        { start: 0, end: 4, text: "And so, my fellow Americans, ask not." },
      ]),
    });
    const live: Take = {
      recording: { ...take.recording, kind: "microphone" },
      utterances: [parts[0], settled, ...parts.slice(1)],
    };
    expect(written(live, "txt")).toBe("And so, my fellow Americans, ask not.\nThank you.\n");
    expect(written(live, "srt")).toContain("00:00:00,000 --> 00:00:04,000\nAnd so, my fellow");
    const { segments } = JSON.parse(written(live, "json"));
    expect(segments.map(({ start }: { start: number }) => start)).toEqual([0, 9, 12.5]);
  });

  it("as a file is named after its recording, without what file names must not hold", async () => {
    expect((await transcriptFile(take, "srt")).name).toBe("board- meeting.srt");
    const called = { ...take, recording: { ...take.recording, title: "Board 23.11. <draft>" } };
    expect((await transcriptFile(called, "srt")).name).toBe("Board 23.11. -draft-.srt");
    const nameless = { ...take, recording: { ...take.recording, name: "..." } };
    expect((await transcriptFile(nameless, "txt")).name).toBe("transcript.txt");
  });

  it("as Markdown has its title, when it was, and times before paragraphs", () => {
    const [title, when, ...words] = written(take, "md").split("\n\n");
    expect(title).toBe("# board: meeting.m4a");
    expect(when).toMatch(/^2[234] November 2026 at \d\d:00, 1 h 1 min$/);
    expect(words).toEqual(["**0:00** Good morning.", "**1:01:01** A \\< B \\& C --\\> D. Bye.\n"]);
  });
});

describe("a transcript that somebody mended", () => {
  const mended: Take = {
    recording: { ...take.recording, title: "The board" },
    utterances: take.utterances.map((one) =>
      one.answer?.phrases.length ? { ...one, mended: "A < B & C, D! Good bye, all." } : one,
    ),
  };

  it("has the mended words in every form", async () => {
    expect(plainText(mended)).toBe("Good morning.\nA < B & C, D! Good bye, all.");
    expect(written(mended, "md")).toContain("# The board\n");
    expect(written(mended, "md")).toContain("D! Good bye, all.");
    expect(written(mended, "srt")).toContain(
      "01:01:01,500 --> 01:01:03,000\nA < B & C, D!\n\n3\n01:01:03,000 --> 01:01:05,000\nGood bye, all.",
    );
    expect(written(mended, "vtt")).toContain("\nA &lt; B &amp; C, D!\n");
    const file = await transcriptFile(mended, "docx");
    const { "word/document.xml": xml } = unzipSync(new Uint8Array(await file.arrayBuffer()));
    expect(strFromU8(xml)).toContain("C, D! Good bye, all.");
    expect(strFromU8(xml)).toContain("The board");
    expect(strFromU8(xml)).not.toContain("C --");
  });

  it("as JSON has what was heard beside what was written", () => {
    const { name, title, segments } = JSON.parse(written(mended, "json"));
    expect([name, title]).toEqual(["board: meeting.m4a", "The board"]);
    expect(segments[0].heard).toBeUndefined();
    const { text, phrases, heard } = segments[3];
    expect(text).toBe("A < B & C, D! Good bye, all.");
    expect(phrases.map((phrase: { text: string }) => phrase.text)).toEqual([
      "A < B & C, D!",
      "Good bye, all.",
    ]);
    expect(heard.text).toBe("A < B & C --> D. Bye.");
    expect(heard.phrases.map((phrase: { text: string }) => phrase.text)).toEqual([
      "A < B & C --> D.",
      "Bye.",
    ]);
  });

  it("has no words where somebody took them out", () => {
    const [first, ...others] = take.utterances;
    const without = { ...take, utterances: [{ ...first, mended: "" }, ...others] };
    expect(written(without, "txt")).toBe("A < B & C --> D. Bye.\n");
    expect(written(without, "srt")).not.toContain("Good morning");
    expect(JSON.parse(written(without, "json")).segments[0]).toMatchObject({
      text: "",
      heard: { text: "Good morning." },
      phrases: [],
    });
  });
});

describe("a transcript in English", () => {
  const german = (text: string) => ({ ...answer(text), language: "german" });
  const translation = (text: string) => ({ text, phrases: [], problem: null });
  const spoken: Take = {
    recording: { ...take.recording, kind: "microphone" },
    utterances: [
      utterance(0, 2, { answer: german("Guten"), translation: translation("Good") }),
      utterance(2.5, 4, {
        answer: german("Morgen."),
        mended: "Morgen!",
        translation: translation("morning."),
      }),
      utterance(9, 11, { answer: answer("Said in English.") }),
      utterance(15, 16, { state: "waiting" }),
    ],
  };

  it("has its paragraphs, and what was said in English", () => {
    expect(plainText(inEnglish(spoken))).toBe("Good morning.\nSaid in English.");
  });

  it("is another file than what was said", async () => {
    const file = await transcriptFile(spoken, "srt", undefined, true);
    expect(file.name).toBe("board- meeting.en.srt");
    expect(await file.text()).toContain("Good morning.");
    expect((await transcriptFile(spoken, "srt")).name).toBe("board- meeting.srt");
  });

  it("stands beside it in JSON", () => {
    const [first, , third] = JSON.parse(written(spoken, "json")).segments;
    expect([first.text, first.english]).toEqual(["Guten", "Good"]);
    expect(third).not.toHaveProperty("english");
  });
});
