/** Offers a newer version of the page, when nothing is being heard. */

import { useState } from "preact/hooks";
import { CloseIcon } from "./icons";
import { newVersion, takeNewVersion } from "./kept-page";
import { files, microphone } from "./listening";
import "./new-version.css";

export function NewVersion() {
  const [later, setLater] = useState(false);
  const busy =
    microphone.value.state !== "off" ||
    files.value.some(({ state }) => state === "waiting" || state === "listening");
  const shown = newVersion.value !== null && !busy && !later;
  return (
    <div class="new-version" role="status">
      {shown && (
        <p>
          A new version is here.
          <button type="button" class="small-button" onClick={takeNewVersion}>
            Reload
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label="Later"
            onClick={() => setLater(true)}
          >
            <CloseIcon />
          </button>
        </p>
      )}
    </div>
  );
}
