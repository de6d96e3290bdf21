/** The choice of how much of the voice is kept out of the pictures, and what that takes. */

import type { Privacy } from "../chain/disguise";
import { Choice } from "./field";
import { SAID_OF } from "./privacy-words";
import { choose, settings } from "./settings";

/** How much of the voice is kept back. */
export function VoiceSetting() {
  const { privacy } = settings.value;
  return (
    <Choice<Privacy>
      name="Disguise of the voice"
      note={SAID_OF[privacy]}
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
