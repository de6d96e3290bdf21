/** What the steps of privacy do and cost, in a sentence for people. */

import type { Privacy } from "../chain/disguise";

/** What docs/privacy.md says of each step, in the same words. */
export const SAID_OF: Record<Privacy, string> = {
  off: "Whoever gets the pictures can tell who speaks",
  light:
    "Who speaks is a little harder to tell from one utterance, and no harder from several; one or two words more in a hundred of English are heard wrongly",
  strong:
    "Who speaks is no harder to tell than with the light one by who knows how it is done; three or four words more in a hundred of English are heard wrongly",
};
