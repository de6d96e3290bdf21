/** The choice of who turns pictures into words, and the model that this device needs for it. */

import { useEffect, useState } from "preact/hooks";
import { bytesOf, type DeviceModel } from "../shared/device-models";
import {
  advice,
  askOffered,
  fetchDeviceModel,
  fetching,
  offered,
  outdated,
  problem,
  removeDeviceModel,
  stale,
  stopFetching,
  unfit,
} from "./device";
import { Choice } from "./field";
import { byteCount } from "./figures";
import { wholeUtterances } from "./library";
import { choose, type Hears, settings } from "./settings";
import "./device-setting.css";

/** Whether the service hears, or this device. */
export function DeviceSetting() {
  useEffect(() => void askOffered(), []);
  const { hears, deviceModel } = settings.value;
  return (
    <Choice<Hears>
      name="Words come from"
      note={note()}
      value={deviceModel || hears === "device" ? hears : "service"}
      options={[
        { value: "service", label: "The service" },
        { value: "asleep", label: "This device while the service is away", disabled: !deviceModel },
        { value: "device", label: "This device", disabled: !deviceModel },
      ]}
      onChoose={(value) => choose({ hears: value })}
    >
      <DeviceModelHere />
    </Choice>
  );
}

function note(): string {
  const { hears, deviceModel } = settings.value;
  if (problem.value) return `This device has no model: ${problem.value}.`;
  if (outdated.value && (stale.value || !deviceModel))
    return "A newer version of this page is there: load it anew";
  if (stale.value) return "The model on this device does not run any more: fetch it again";
  if (!deviceModel && hears === "device") {
    const either = offered.value?.length === 0 ? "" : "fetch a model, or ";
    return `Nothing is heard or sent: ${either}choose the service${waiting()}`;
  }
  if (!deviceModel && offered.value?.length === 0) return "This service offers none for devices";
  if (!deviceModel) return advice() ?? "With a model of its own, this device needs no service";
  if (unfit.value) return "The graphics processor could not run the model: the processor does";
  if (hears === "device") return "Nothing is sent, pictures neither; larger models hear more";
  if (hears === "asleep") return "Pictures are sent as soon as the service is up";
  return "Pictures are sent; the model on this device rests";
}

/** Says what the service gets once it is chosen. */
function waiting(): string {
  const count = wholeUtterances.value.filter(({ state }) => state === "waiting").length;
  if (!count) return "";
  return count === 1
    ? ", which then gets the picture that waits"
    : `, which then gets the ${count} pictures that wait`;
}

/** The model that is here, or is being fetched, or can be. */
function DeviceModelHere() {
  const [chosen, setChosen] = useState("");
  const { deviceModel } = settings.value;
  const models = offered.value ?? [];
  const model = models.find((each) => nameOf(each) === chosen) ?? models[0];
  if (fetching.value) {
    const { bytes } = fetching.value;
    const whole = bytesOf(fetching.value.model);
    return (
      <div class="device-model">
        <progress aria-label="Fetching" max={whole} value={bytes} />
        <span>
          {byteCount(bytes)} of {byteCount(whole)}
        </span>
        <button type="button" class="text-button" onClick={stopFetching}>
          Stop
        </button>
      </div>
    );
  }
  if (deviceModel) {
    const same = models.find((each) => nameOf(each) === nameOf(deviceModel)) ?? model;
    return (
      <div class="device-model">
        <span>
          {deviceModel.id}, {byteCount(bytesOf(deviceModel))}, {runsOn(deviceModel)}
        </span>
        {stale.value && same && (
          <button
            type="button"
            class="quiet-button"
            onClick={() => fetchDeviceModel(same, settings.peek().hears)}
          >
            Fetch it again
          </button>
        )}
        <button type="button" class="text-button" onClick={() => void removeDeviceModel()}>
          Remove it
        </button>
      </div>
    );
  }
  if (!model) return null;
  return (
    <div class="device-model">
      {models.length > 1 && (
        <select
          aria-label="Weights to fetch"
          value={nameOf(model)}
          onChange={({ currentTarget: { value } }) => setChosen(value)}
        >
          {models.map((each) => (
            <option key={nameOf(each)}>{nameOf(each)}</option>
          ))}
        </select>
      )}
      <button type="button" class="quiet-button" onClick={() => fetchDeviceModel(model, "device")}>
        Fetch {nameOf(model)}, {byteCount(bytesOf(model))}
      </button>
      <span>{runsOn(model)}</span>
    </div>
  );
}

function nameOf({ id, precision }: DeviceModel): string {
  return `${id} (${precision})`;
}

function runsOn({ runs_on: runtime }: DeviceModel): string {
  return runtime === "webgpu" ? "on the graphics processor" : "on the processor";
}
