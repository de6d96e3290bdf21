/** Whether the page offers by itself to hear on this device. */

import type { ServiceState } from "./service";
import type { Settings } from "./settings";

/** While a fleet wakes up, which takes minutes; and to whom has not chosen otherwise. */
export function offersDevice(
  { wakes = false }: Pick<ServiceState, "wakes">,
  { hears, deviceModel, offersDevice }: Pick<Settings, "hears" | "deviceModel" | "offersDevice">,
): boolean {
  return wakes && hears === "service" && !deviceModel && offersDevice;
}
