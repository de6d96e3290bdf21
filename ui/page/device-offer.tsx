/** Offers to hear on this device while a fleet wakes up. */

import { useEffect } from "preact/hooks";
import { bytesOf } from "../shared/device-models";
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
import { choose } from "./settings";
import "./device-offer.css";

/** The offer; nothing where the service has no model for this device, or it had better not. */
export function DeviceOffer() {
  useEffect(() => void askOffered(), []);
  const model = offered.value?.[0];
  if (!model || advice()) return null;
  const under = fetching.value;
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
            Hear on this device meanwhile: {byteCount(bytesOf(model))}, once
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
