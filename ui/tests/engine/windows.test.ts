import { expect, test } from "vitest";
import type { Decoded, Search } from "../../engine/decoding";
import { type Model, type Spectrogram, transcribe, windowFrames } from "../../engine/windows";
import { VECTORS, vocabulary } from "./vectors";

const tokens = vocabulary("gpt2");
const GO_ON = new AbortController().signal;

/** A model that gives answers in their order, and notes what it was asked. */
class AnsweringModel implements Model {
  readonly tokens = tokens;
  readonly asked: object[] = [];
  readonly #answers: { tokens: number[]; mean: number; nobody: number }[];

  constructor(answers: { tokens: number[]; mean: number; nobody: number }[]) {
    this.#answers = [...answers];
  }

  get left(): number {
    return this.#answers.length;
  }

  async encode({ frames }: Spectrogram) {
    return {
      language: async () => "en",
      align: async () => [],
      decode: async (
        prompt: readonly number[],
        { temperature, beam }: Search,
      ): Promise<Decoded> => {
        this.asked.push({ frames, prompt, temperature, beam });
        const next = this.#answers.shift();
        if (!next) throw new Error("asked too often");
        return {
          tokens: next.tokens,
          probabilities: next.tokens.map(() => 1),
          averageLogarithm: next.mean,
          noSpeech: next.nobody,
        };
      },
    };
  }
}

test.each(VECTORS.hearings)("$name: as the service asks and believes", async (expected) => {
  const { frames, prompt, interim } = expected;
  const speech = new Uint8Array(frames);
  for (const [first, end] of expected.speech) speech.fill(1, first, end);
  const spectrogram = { melBins: 80, frames, values: new Float32Array(80 * frames) };
  const request = { language: "", task: "transcribe", prompt, interim, words: false } as const;
  const model = new AnsweringModel(expected.answers);
  const heard = await transcribe(spectrogram, request, model, speech, GO_ON);
  expect(model.asked).toEqual(expected.asked);
  expect(model.left).toBe(0);
  expect(heard.text).toBe(expected.text);
  expect(heard.language).toBe("english");
  expect(
    heard.segments.map(({ start, end, text, tokens: said, temperature }) => ({
      start,
      end,
      text,
      tokens: said,
      temperature,
    })),
  ).toEqual(expected.segments);
  expect(heard.unheard).toEqual(expected.unheard);
});

test("windows are of 15 s, or 5 s longer than what is heard, and never of more than 30 s", () => {
  expect([1, 1000, 1001, 1500, 2500, 3000].map(windowFrames)).toEqual([
    1500, 1500, 1750, 2000, 3000, 3000,
  ]);
});
