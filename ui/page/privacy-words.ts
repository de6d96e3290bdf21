/** What the steps of privacy do and cost, in a sentence for people. */

import type { Privacy } from "../chain/disguise";

/** What docs/privacy.md says of each step, in the same words. */
export const SAID_OF: Record<Privacy, string> = {
  off: "Whoever gets the pictures can tell who speaks",
  light:
    "Who speaks is a little harder to tell; one or two words more in a hundred are heard wrongly",
  strong:
    "Who speaks is hardly harder to tell than with the light one; three or four words more in a hundred are heard wrongly",
};
