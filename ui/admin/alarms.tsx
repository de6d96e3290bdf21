/** Alarms: those that ring, and how many are quiet. */

import type { Alarm, Alarms as Answer, Part as Known } from "./answers";
import { ask } from "./asking";
import { State } from "./deployments";
import { moment } from "./figures";
import { Part } from "./part";
import { usePolled } from "./polled";
import { CALM } from "./polling";

export function Alarms() {
  const { answer, problem } = usePolled<Known<Answer>>(
    (signal) => ask("GET", "alarms", { signal }),
    CALM,
  );
  const known = answer === null && problem !== null ? { unknown: problem } : answer;
  return (
    <Part title="Alarms" known={known}>
      {({ alarms }) => {
        const ringing = alarms.filter(({ state }) => state === "ALARM");
        const quiet = alarms.filter(({ state }) => state !== "ALARM");
        return (
          <div class="alarms" aria-live="polite">
            {alarms.length === 0 && <p class="part-note">There are none.</p>}
            {ringing.length > 0 && <ListOf alarms={ringing} />}
            {quiet.length > 0 && (
              <details class="quiet-alarms">
                <summary>
                  {ringing.length
                    ? `${quiet.length} others are quiet`
                    : `All ${quiet.length} are quiet`}
                </summary>
                <ListOf alarms={quiet} />
              </details>
            )}
          </div>
        );
      }}
    </Part>
  );
}

function ListOf({ alarms }: { alarms: Alarm[] }) {
  return (
    <ul class="alarms">
      {alarms.map(({ name, state, since, reason, runbook }) => (
        <li key={name} class="alarm">
          <h3>{name}</h3>
          <State state={state === "INSUFFICIENT_DATA" ? "no data" : state} />
          <span>since {moment(since)}</span>
          <a href={runbookAddress(runbook)}>
            What to do<span class="visually-hidden"> about {name}</span>
          </a>
          {state === "ALARM" && reason && <p>{reason}</p>}
        </li>
      ))}
    </ul>
  );
}

/** Returns where a section of the runbook is, which is built beside the page. */
function runbookAddress(runbook: string): string {
  const [, anchor = ""] = runbook.split("#");
  return `./operations.html#${anchor}`;
}
