import { expect, it } from "vitest";
import { offersDevice } from "../../page/offering";

const usual = { hears: "service", deviceModel: null, offersDevice: true } as const;
const model = { id: "tiny.en" } as never;

it.each([
  ["while a fleet wakes up", true, usual, true],
  ["not while the service answers", false, usual, false],
  ["not to whom has turned it down", true, { ...usual, offersDevice: false }, false],
  ["not where this device has a model", true, { ...usual, deviceModel: model }, false],
])("hearing on this device is offered %s", (_, wakes, settings, expected) => {
  expect(offersDevice({ wakes }, settings)).toBe(expected);
});
