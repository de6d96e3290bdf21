/** What an administrator has the fleet do; each says what it costs an hour. */

import { useState } from "preact/hooks";
import { offerUndo } from "../page/undo";
import { useAct } from "./act";
import type { Fleet, Group, Part as Known, Prices } from "./answers";
import { ask } from "./asking";
import { ConfirmDialog, type Danger } from "./confirm-dialog";
import { dollars, moment } from "./figures";
import { Part } from "./part";
import type { Polled } from "./polled";
import { addressOf } from "./sections";

/** For how long it can be kept awake, in hours. */
const AWAKE_FOR = [1, 2, 4, 8, 12, 24];

type Do = (what: string, body: object) => Promise<void>;

export function FleetControls({ polled }: { polled: Polled<Fleet> }) {
  const { answer: fleet, show, again } = polled;
  const [danger, setDanger] = useState<Danger | null>(null);
  const { busy, problem, perform } = useAct();
  if (!fleet) return null;
  const tell: Do = async (what, body) => {
    const group = await ask<Known<Group>>("POST", `fleet/${what}`, { body });
    show({ ...fleet, group });
    again();
  };
  const { prices } = fleet;
  return (
    <Part title="Size of the fleet" known={fleet.group}>
      {(group) => {
        const still = busy || group.stopped !== null;
        /** Has something done that can be taken back. */
        const act = (what: string, body: object, said: string, back: [string, object]) =>
          perform(async () => {
            await tell(what, body);
            offerUndo({ text: said, undo: () => void perform(() => tell(...back)) });
          });
        return (
          <>
            <p>{inWords(group)}</p>
            {group.stopped !== null && (
              <p class="message problem act-problem">
                Nothing starts: it was stopped by the {group.stopped}. It is lifted under{" "}
                <a href={addressOf("costs")}>Costs</a>.
              </p>
            )}
            {group.suspended.length > 0 && group.stopped === null && (
              <p class="message act-problem">
                AWS was told not to do this with it: {group.suspended.join(", ")}.
              </p>
            )}
            {problem && (
              <p role="alert" class="message problem act-problem">
                {problem}
              </p>
            )}
            <div class="controls">
              <Wake group={group} prices={prices} disabled={still} act={act} />
              <div class="control">
                <h3>Let it sleep</h3>
                <p>
                  Saves {dollars(prices.instance_hour)} an hour for each instance. What they have is
                  finished first.
                </p>
                <div class="control-row">
                  <button
                    type="button"
                    class="second-button"
                    disabled={busy || group.desired === 0}
                    onClick={() => setDanger(sleep(tell))}
                  >
                    Let sleep
                  </button>
                </div>
              </div>
              <KeepAwake group={group} prices={prices} disabled={still} act={act} />
              <Maximum group={group} prices={prices} disabled={still} act={act} />
            </div>
            <p class="part-note prices-note">{prices.note}</p>
            {danger && <ConfirmDialog danger={danger} close={() => setDanger(null)} />}
          </>
        );
      }}
    </Part>
  );
}

interface ControlProps {
  group: Group;
  prices: Prices;
  disabled: boolean;
  act: (what: string, body: object, said: string, back: [string, object]) => void;
}

function Wake({ group, prices, disabled, act }: ControlProps) {
  return (
    <div class="control">
      <h3>Wake it</h3>
      <p>
        {dollars(prices.instance_hour)} an hour, and {dollars(prices.wake)} to start. It sleeps
        again by itself when nobody asks.
      </p>
      <div class="control-row">
        <button
          type="button"
          class="second-button"
          disabled={disabled || group.desired > 0}
          onClick={() => act("wake", {}, "The fleet wakes.", ["sleep", {}])}
        >
          {group.desired > 0 ? "It is awake" : "Wake"}
        </button>
      </div>
    </div>
  );
}

function KeepAwake({ group, prices, disabled, act }: ControlProps) {
  const [hours, setHours] = useState(1);
  const before: [string, object] = ["awake", { until: group.awake_until }];
  const cost = hours * prices.instance_hour;
  return (
    <div class="control">
      <h3>Keep it awake</h3>
      <p>
        {dollars(prices.instance_hour)} an hour; {dollars(cost)} for {hours} h, whether anybody asks
        or not.
      </p>
      <div class="control-row">
        <select
          aria-label="For how long"
          value={hours}
          disabled={disabled}
          onChange={(event) => setHours(Number(event.currentTarget.value))}
        >
          {AWAKE_FOR.map((each) => (
            <option key={each} value={each}>
              {each} h
            </option>
          ))}
        </select>
        <button
          type="button"
          class="second-button"
          disabled={disabled}
          onClick={() => {
            const until = new Date(Date.now() + hours * 3_600_000).toISOString();
            const time = until.replace(/\.\d+Z$/, "Z");
            act("awake", { until: time }, `It is kept awake until ${moment(time)}.`, before);
          }}
        >
          Keep awake
        </button>
        {group.awake_until !== null && (
          <button
            type="button"
            class="second-button"
            disabled={disabled}
            onClick={() => act("awake", { until: null }, "It may sleep when nobody asks.", before)}
          >
            Not any longer
          </button>
        )}
      </div>
    </div>
  );
}

function Maximum({ group, prices, disabled, act }: ControlProps) {
  const [chosen, setChosen] = useState<number | null>(null);
  const instances = chosen ?? group.maximum;
  const set = (event: Event) => {
    event.preventDefault();
    act("maximum", { instances }, `At most ${inNumbers(instances)} from now on.`, [
      "maximum",
      { instances: group.maximum },
    ]);
    setChosen(null);
  };
  return (
    <form class="control" onSubmit={set}>
      <h3>Maximum</h3>
      <p>
        Up to {dollars(instances * prices.instance_hour)} an hour with {inNumbers(instances)}.{" "}
        {group.next_deployment}
      </p>
      <div class="control-row">
        <input
          type="number"
          aria-label="Instances at most"
          min={1}
          required
          value={instances}
          disabled={disabled}
          onInput={(event) => setChosen(event.currentTarget.valueAsNumber || null)}
        />
        <button
          type="submit"
          class="second-button"
          disabled={disabled || instances === group.maximum}
        >
          Set
        </button>
      </div>
    </form>
  );
}

function sleep(tell: Do): Danger {
  return {
    title: "Let the fleet sleep",
    does: "All instances end once they have finished. Whoever speaks then waits for another one to start, or gets words of the responder's small model.",
    undone: "Undone by Wake, which takes about as long as a start.",
    name: "sleep",
    act: "Let sleep",
    perform: async () => {
      await tell("sleep", {});
      offerUndo({ text: "The fleet goes to sleep.", undo: () => void tell("wake", {}) });
    },
  };
}

function inWords(group: Group): string {
  const { minimum, maximum, desired, awake_until } = group;
  const wanted = desired === 0 ? "It sleeps" : `${inNumbers(desired)} wanted`;
  const awake = awake_until === null ? "" : ` It is kept awake until ${moment(awake_until)}.`;
  return `${wanted}; at least ${minimum}, at most ${maximum}.${awake}`;
}

function inNumbers(instances: number): string {
  return instances === 1 ? "1 instance" : `${instances} instances`;
}
