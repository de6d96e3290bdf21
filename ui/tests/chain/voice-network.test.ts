import { describe, expect, test } from "vitest";
import { VoiceNetwork } from "../../chain/voice-network";
import { BUILDS, MEL_BINS } from "./vectors";

describe.each(MEL_BINS)(
  "a network that has heard the end of its stream, %i mel bins",
  (melBins) => {
    test("hears nothing more", () => {
      const network = new VoiceNetwork(BUILDS[0].module, melBins);
      network.push(new Float32Array(10 * melBins));
      expect(network.finish().length).toBeGreaterThan(0);
      expect(() => network.push(new Float32Array(melBins))).toThrow("finished");
      expect(() => network.finish()).toThrow("finished");
    });
  },
);
