import { describe, expect, test } from "vitest";
import { concatenated } from "../../chain/concatenated";
import { Disguise, draw, type Privacy } from "../../chain/disguise";
import { ENCODINGS } from "../../chain/encoding";
import { FRAMES_PER_SECOND, SAMPLE_RATE } from "../../chain/framing";
import { LogMelStream } from "../../chain/mel";
import { encodePng } from "../../chain/png";
import { imageOf } from "../../chain/segments";
import type { Delivery, ListeningTask, Utterance } from "../../shared/messages";
import { Hearing } from "../../worker/hearing";
import { BUILDS, STREAMS, samplesOf } from "../chain/vectors";

const { module } = BUILDS[0];
const DRAWS = draw();
const STEPS: Privacy[] = ["off", "light", "strong"];
/** A phrase of 2.7 s, and a second after it. */
const PHRASE = samplesOf(STREAMS[0]);
/** Samples that come at once. */
const SLICE = SAMPLE_RATE / 10;

interface Sent {
  utterance: Utterance;
  picture: Uint8Array;
}

/** Hears what is pushed, and keeps what would be sent. */
class Listener {
  readonly sent: Sent[] = [];
  readonly heard: Float32Array[] = [];
  readonly hearing: Hearing;

  constructor(privacy: Privacy, kind: "microphone" | "file" = "microphone") {
    const outbox = {
      onmessage: (_: { data: unknown }) => {},
      postMessage: (delivery: Delivery) => {
        if (delivery.kind === "utterance") this.sent.push(delivery);
        queueMicrotask(() => outbox.onmessage({ data: { problem: null, sent: true } }));
      },
    };
    const task = {
      recording: { id: "talk", name: "Talk", kind, begun: 0, seconds: 0, problem: null },
      wishes: {
        model: "",
        language: "",
        task: "transcribe",
        encoding: ENCODINGS.png,
        melBins: 80,
        privacy,
      },
      draws: DRAWS,
      sentUntil: 0,
      keepsSound: false,
      outbox: outbox as unknown as MessagePort,
      painter: { postMessage: () => {} } as unknown as MessagePort,
    } satisfies ListeningTask;
    const keeper = {
      push: (samples: Float32Array) => this.heard.push(samples.slice()),
      written: async () => {},
      finish: async () => {},
    };
    this.hearing = new Hearing(task, module, keeper);
  }

  async push(samples: Float32Array): Promise<void> {
    for (let start = 0; start < samples.length; start += SLICE) {
      this.hearing.push(samples.subarray(start, start + SLICE), SAMPLE_RATE);
      await this.hearing.delivered();
    }
  }

  /** Whether a picture is the one that the chain alone makes of its utterance at a step. */
  isDisguised({ utterance, picture }: Sent, privacy: Privacy): boolean {
    const { start, end, joins } = utterance;
    const stream = new LogMelStream(module, 80);
    const all = [stream.push(concatenated(this.heard, Float32Array)), stream.finish()];
    const logMel = concatenated(all, Float32Array);
    const parts = (joins ?? [{ start, end }]).map((part) => {
      const [first, last] = [part.start, part.end].map(frameOf);
      return { start: first, logMel: logMel.slice(first * 80, last * 80) };
    });
    const expected = encodePng(imageOf(parts, 80, Disguise.drawn(privacy, DRAWS)));
    return Buffer.compare(expected, picture) === 0;
  }
}

function frameOf(seconds: number): number {
  return Math.round(seconds * FRAMES_PER_SECOND);
}

function kindOf({ state, joins }: Utterance): "interim" | "joined" | "final" {
  if (state === "open") return "interim";
  return joins ? "joined" : "final";
}

describe.each(STEPS)("at the step %s", (privacy) => {
  test("all pictures are those of the chain in one disguise", async () => {
    const listener = new Listener(privacy);
    for (let phrase = 0; phrase < 3; phrase++) await listener.push(PHRASE);
    await listener.hearing.finish();
    const kinds = listener.sent.map(({ utterance }) => kindOf(utterance));
    expect(new Set(kinds)).toEqual(new Set(["interim", "final", "joined"]));
    for (const sent of listener.sent) {
      expect(STEPS.filter((step) => listener.isDisguised(sent, step))).toEqual([privacy]);
    }
  });

  test("the pictures of a file are those of the chain", async () => {
    const listener = new Listener(privacy, "file");
    await listener.push(PHRASE);
    await listener.hearing.finish();
    const [sent] = listener.sent;
    expect(STEPS.filter((step) => listener.isDisguised(sent, step))).toEqual([privacy]);
  });
});

describe("a disguise that is chosen while somebody speaks", () => {
  const changes: [from: Privacy, to: Privacy][] = [
    ["off", "strong"],
    ["strong", "off"],
    ["light", "strong"],
  ];

  test.each(changes)("counts from then on: %s, %s", async (from, to) => {
    // Before a phrase, at its beginning, within it, as it ends, and after it.
    for (const seconds of [0.2, 0.6, 1.7, 3.1, 3.4, 3.8]) {
      const listener = new Listener(from);
      await listener.push(PHRASE);
      await listener.push(PHRASE.subarray(0, seconds * SAMPLE_RATE));
      const { hearing } = listener;
      const moment = hearing.seconds;
      hearing.disguise(to);
      await listener.push(PHRASE.subarray(seconds * SAMPLE_RATE));
      await listener.push(PHRASE);
      await hearing.finish();
      const kinds = { before: new Set<string>(), after: new Set<string>() };
      for (const sent of listener.sent) {
        const { utterance } = sent;
        const earlier = utterance.start < moment;
        const worn = earlier ? from : to;
        // Of the silence that stands between, a little may belong to what was said.
        if (earlier) expect(utterance.end).toBeLessThan(moment + 1);
        expect(utterance.wishes.privacy).toBe(worn);
        expect(listener.isDisguised(sent, worn)).toBe(true);
        kinds[earlier ? "before" : "after"].add(kindOf(utterance));
      }
      expect(kinds.before).toContain("final");
      expect(kinds.after).toContain("final");
      if (seconds > 1.5) expect(kinds.before).toContain("joined");
    }
  });

  test("counts once the microphone goes on, without more silence", async () => {
    const listener = new Listener("off");
    await listener.push(PHRASE.subarray(0, 2 * SAMPLE_RATE));
    const { hearing } = listener;
    hearing.pause();
    const { seconds } = hearing;
    for (const privacy of ["light", "off", "strong"] as const) hearing.disguise(privacy);
    expect(hearing.seconds).toBe(seconds);
    await listener.push(PHRASE);
    await hearing.finish();
    const finals = listener.sent.filter(({ utterance }) => kindOf(utterance) === "final");
    expect(finals.map(({ utterance }) => utterance.wishes.privacy)).toEqual(["off", "strong"]);
    for (const sent of listener.sent) {
      const worn = sent.utterance.start < seconds ? "off" : "strong";
      expect(listener.isDisguised(sent, worn)).toBe(true);
    }
  });

  test("adds no silence where it is the one that is worn, and none to what has no beginning", () => {
    const { hearing } = new Listener("light");
    hearing.disguise("strong");
    expect(hearing.seconds).toBe(0);
    hearing.push(PHRASE, SAMPLE_RATE);
    const { seconds } = hearing;
    hearing.disguise("strong");
    expect(hearing.seconds).toBe(seconds);
  });
});
