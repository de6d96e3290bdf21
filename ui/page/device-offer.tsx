/** Offers to hear on this device while a fleet wakes up. */

import { useEffect } from "preact/hooks";
import { bytesOf, type DeviceModel, firstThat, knowsEnglishAlone } from "../shared/device-models";
import {
  advice,
  askOffered,
  fetchDeviceModel,
  fetching,
  offered,
  problem,
  stopFetching,
} from "./device";
import { byteCount } from "./figures";
import { CloseIcon } from "./icons";
import { choose, settings } from "./settings";
import "./device-offer.css";

/**
 * The offer; nothing where the service has no model for this device that can do what is wanted, or
 * it had better not.
 */
export function DeviceOffer() {
  useEffect(() => void askOffered(), []);
  const { language, task } = settings.value;
  const under = fetching.value;
  const wanted = firstThat(offered.value ?? [], language, task, navigator.languages);
  const model = under?.model ?? wanted;
  if (!model || advice()) return null;
  return (
    <section class="message device-offer" aria-label="Hear on this device">
      {under ? (
        <>
          <progress aria-label="Fetching" max={bytesOf(under.model)} value={under.bytes} />
          <button type="button" class="text-button" onClick={stopFetching}>
            Stop
          </button>
        </>
      ) : (
        <>
          <button
            type="button"
            class="text-button"
            onClick={() => fetchDeviceModel(model, "asleep")}
          >
            {offerOf(model)}
          </button>
          {problem.value && <span>It is not here: {problem.value}.</span>}
          <button
            type="button"
            class="icon-button"
            aria-label="Do not offer this again"
            onClick={() => choose({ offersDevice: false })}
          >
            <CloseIcon />
          </button>
        </>
      )}
    </section>
  );
}

function offerOf(model: DeviceModel): string {
  const what = knowsEnglishAlone(model) ? "Hear English" : "Hear";
  return `${what} on this device meanwhile: ${byteCount(bytesOf(model))}, once`;
}
