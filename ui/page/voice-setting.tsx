/** The choice of how much of the voice is kept out of the pictures, and what that takes. */

import type { Privacy } from "../chain/disguise";
import { Choice } from "./field";
import { files } from "./listening";
import { SAID_OF } from "./privacy-words";
import { choose, settings } from "./settings";

/** Silence between what is disguised otherwise would move a file's times. */
const GOES_ON = "The file that is being heard goes on as it began.";

/** How much of the voice is kept back. */
export function VoiceSetting() {
  const { privacy } = settings.value;
  const heard = files.value.find(({ state }) => state === "listening");
  const goesOn = heard?.privacy !== undefined && heard.privacy !== privacy;
  const note = goesOn ? `${SAID_OF[privacy]}. ${GOES_ON}` : SAID_OF[privacy];
  return (
    <Choice<Privacy>
      name="Disguise of the voice"
      note={note}
      value={privacy}
      options={[
        { value: "off", label: "Off" },
        { value: "light", label: "Light disguise" },
        { value: "strong", label: "Strong disguise" },
      ]}
      onChoose={(value) => choose({ privacy: value })}
    />
  );
}
