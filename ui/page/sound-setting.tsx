/** The choice to keep what is heard, and what that takes. */

import { useEffect, useState } from "preact/hooks";
import { SAMPLE_RATE } from "../chain/framing";
import { SOUND_BITRATE } from "../shared/sounds";
import { Choice } from "./field";
import { byteCount } from "./figures";
import { keptBytes } from "./playback";
import { choose, settings } from "./settings";

/** What the encoder is asked, as the listener asks it. */
const OPUS = {
  codec: "opus",
  sampleRate: SAMPLE_RATE,
  numberOfChannels: 1,
  bitrate: SOUND_BITRATE,
};

/** Whether sound is kept on this device. */
export function SoundSetting() {
  const [possible, setPossible] = useState(true);
  useEffect(() => void canKeepSound().then(setPossible), []);
  let kept = 0;
  for (const bytes of keptBytes.value.values()) kept += bytes;
  return (
    <Choice
      name="Keep the sound on this device"
      note={
        possible
          ? `To hear it again. It is never sent, and goes with its recording; ${kept ? `${byteCount(kept)} are kept` : "none is kept"} now, an hour takes 11 MB`
          : "This browser cannot: it has no Opus encoder for pages, or keeps no files for them"
      }
      value={settings.value.keepsSound && possible ? "yes" : "no"}
      options={[
        { value: "no", label: "No" },
        { value: "yes", label: "Yes", disabled: !possible },
      ]}
      onChoose={(value) => choose({ keepsSound: value === "yes" })}
    />
  );
}

async function canKeepSound(): Promise<boolean> {
  try {
    await navigator.storage.getDirectory();
    return (await AudioEncoder.isConfigSupported(OPUS)).supported ?? false;
  } catch {
    return false;
  }
}
