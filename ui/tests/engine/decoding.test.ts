import { expect, test } from "vitest";
import { type Decoder, decode, detectLanguage, restrict, Stopped } from "../../engine/decoding";
import { Tokens } from "../../engine/tokens";
import { SMALL, VECTORS } from "./vectors";

const { size, end_of_text: END, start_of_transcript: START, no_speech: NOBODY } = VECTORS.table;
const GO_ON = new AbortController().signal;

/** tests/ui/hearing_vectors.py has the same. */
function logit(before: number, token: number, seed: number): number {
  const mixed = before * 7919 + token * token * 31 + before * token * 17 + seed * 101;
  return (mixed % 997) / 125 + (token === END ? 3 : 0);
}

/** A model that knows one token alone makes of it the next one. */
class LastTokenDecoder implements Decoder {
  readonly seed: number;
  readonly rows: (readonly number[] | null)[] = [];

  constructor(seed: number) {
    this.seed = seed;
  }

  async step(added: readonly (readonly number[])[], rows: readonly number[] | null) {
    this.rows.push(rows);
    const last = added.map((tokens) => tokens[tokens.length - 1]);
    return Float32Array.from(
      last.flatMap((before) =>
        Array.from({ length: size }, (_, token) => logit(before, token, this.seed)),
      ),
    );
  }
}

test.each(VECTORS.rules)("what may follow $said, $seed", ({ seed, said, allowed }) => {
  const before = said.at(-1) ?? START;
  const logits = Float32Array.from({ length: size }, (_, token) => logit(before, token, seed));
  restrict(logits, said, SMALL);
  expect(Array.from(logits.keys()).filter((token) => Number.isFinite(logits[token]))).toEqual(
    allowed,
  );
});

test.each(VECTORS.searches)("text $seed with a beam of $beam", async (expected) => {
  const { seed, beam, tokens, mean } = expected;
  const search = { temperature: 0, beam, samples: 5 };
  const found = await decode(new LastTokenDecoder(seed), [START], SMALL, search, GO_ON);
  expect(found.tokens).toEqual(tokens);
  expect(found.averageLogarithm).toBeCloseTo(mean, 4);
  expect(found.probabilities).toHaveLength(tokens.length);
  expect(Math.min(...found.probabilities)).toBeGreaterThan(0);
});

test("the probability that nobody speaks is that where the transcript starts", async () => {
  const search = { temperature: 0, beam: 1, samples: 5 };
  const prompt = [24, 4, 5, START, 22];
  const decoder = new LastTokenDecoder(0);
  const { noSpeech } = await decode(decoder, prompt, SMALL, search, GO_ON);
  const all = Array.from({ length: size }, (_, token) => Math.exp(logit(START, token, 0)));
  expect(noSpeech).toBeCloseTo(all[NOBODY] / all.reduce((sum, each) => sum + each), 5);
  // What comes before the start is given with it, what follows it in a call of its own.
  expect(decoder.rows.slice(0, 2)).toEqual([null, [0]]);
});

test("above zero, texts are drawn by their probability, and the most probable is taken", async () => {
  const search = { temperature: 1, beam: 5, samples: 5 };
  let state = 1;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const decoder = new LastTokenDecoder(3);
  const drawn = await decode(decoder, [START], SMALL, search, GO_ON, random);
  expect(decoder.rows[1]).toEqual([0, 0, 0, 0, 0]);
  const best = await decode(
    new LastTokenDecoder(3),
    [START],
    SMALL,
    { ...search, temperature: 0 },
    GO_ON,
  );
  expect(drawn.tokens).not.toEqual(best.tokens);
  // At nearly no temperature, they are the greedy one.
  const cold = { ...search, temperature: 1e-3 };
  const greedy = { temperature: 0, beam: 1, samples: 1 };
  const almost = await decode(new LastTokenDecoder(3), [START], SMALL, cold, GO_ON, random);
  const exactly = await decode(new LastTokenDecoder(3), [START], SMALL, greedy, GO_ON);
  expect(almost.tokens).toEqual(exactly.tokens);
});

test("what nobody wants any more is given up", async () => {
  const search = { temperature: 0, beam: 1, samples: 1 };
  const asked = decode(new LastTokenDecoder(0), [START], SMALL, search, AbortSignal.abort());
  await expect(asked).rejects.toThrow(Stopped);
});

test.each([0, 1])("what is no number, from step %i on, is no text", async (first) => {
  const sound = new LastTokenDecoder(0);
  let steps = 0;
  const broken: Decoder = {
    step: async (added, rows) => {
      const logits = await sound.step(added, rows);
      return steps++ < first ? logits : logits.fill(Number.NaN);
    },
  };
  const search = { temperature: 0, beam: 1, samples: 1 };
  const asked = decode(broken, [START], SMALL, search, GO_ON);
  await expect(asked).rejects.toThrow("no numbers");
});

test("the language is the most probable one", async () => {
  const tokens = new Tokens({
    ...SMALL.table,
    languages: [
      ["en", "english"],
      ["de", "german"],
    ],
  });
  const german = {
    step: async () => {
      const logits = new Float32Array(size);
      logits[START + 2] = 2;
      logits[START + 3] = 9;
      return logits;
    },
  };
  expect(await detectLanguage(german, tokens)).toBe("de");
});
