/** The pipeline's last run, stage by stage, and why one failed. */

import type { Action, Deployments as Answer, Part as Known, Stage } from "./answers";
import { ask } from "./asking";
import { ago, moment } from "./figures";
import { Part } from "./part";
import { usePolled } from "./polled";
import "./deployments.css";

const PACE = { quick: 15_000, slow: 120_000 };

export function Deployments() {
  const { answer, problem } = usePolled<Known<Answer>>(
    (signal) => ask("GET", "deployments", { signal }),
    PACE,
  );
  const known = answer === null && problem !== null ? { unknown: problem } : answer;
  return (
    <Part title="Deployments" known={known}>
      {({ stages }) =>
        stages.length ? (
          <ol class="stages">
            {stages.map((stage) => (
              <StageOf key={stage.name} stage={stage} />
            ))}
          </ol>
        ) : (
          <p class="part-note">Nothing was deployed by a pipeline yet.</p>
        )
      }
    </Part>
  );
}

function StageOf({ stage: { name, state, changed, actions } }: { stage: Stage }) {
  return (
    <li class="stage">
      <div class="stage-head">
        <h3>{name}</h3>
        <State state={state} />
        {changed && (
          <time dateTime={changed} title={moment(changed)}>
            {ago(changed)}
          </time>
        )}
      </div>
      <ul>
        {actions.map((action) => (
          <ActionOf key={action.name} action={action} />
        ))}
      </ul>
    </li>
  );
}

function ActionOf({ action: { name, state, summary, log_tail, console } }: { action: Action }) {
  return (
    <li class="action">
      <State state={state} name={name} />
      {summary && <p>{summary}</p>}
      {log_tail && log_tail.length > 0 && (
        <section class="log" tabIndex={0} aria-label={`Last lines of ${name}`}>
          <pre>{log_tail.join("\n")}</pre>
        </section>
      )}
      {console?.startsWith("https://") && (
        <a href={console} target="_blank" rel="noreferrer">
          In AWS’s console<span class="visually-hidden">: {name}</span>
        </a>
      )}
    </li>
  );
}

/** A state as AWS writes it, with a lamp. */
export function State({ state, name }: { state: string; name?: string }) {
  const words = state.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return (
    <span class="state" data-state={state.toLowerCase()}>
      {name ? `${name}: ${words}` : words}
    </span>
  );
}
