/** What this month costs, and the bound that stops the fleet. */

import { useState } from "preact/hooks";
import type { Costs, Part as Known } from "./answers";
import { ask } from "./asking";
import { ConfirmDialog, type Danger } from "./confirm-dialog";
import { dollars, moment } from "./figures";
import { Part, Problem } from "./part";
import { usePolled } from "./polled";
import "./costs.css";

const PACE = { quick: 60_000, slow: 300_000 };

export function CostsSection() {
  const polled = usePolled<Known<Costs>>((signal) => ask("GET", "costs", { signal }), PACE);
  const [danger, setDanger] = useState<Danger | null>(null);
  return (
    <>
      <Problem polled={polled} />
      <Part title="This month" known={polled.answer}>
        {(costs) => (
          <>
            {costs.stopped && (
              <div class="message problem stopped">
                <p>
                  The fleet is stopped: it has cost what this month may cost. It starts again next
                  month, or when somebody lifts this.
                </p>
                <button
                  type="button"
                  class="small-button"
                  onClick={() => setDanger(lifting(costs, polled.again))}
                >
                  Lift…
                </button>
              </div>
            )}
            <Sum costs={costs} />
            <Bound costs={costs} />
            <Parts costs={costs} />
            <p class="part-note">
              From{" "}
              {costs.source === "list prices"
                ? "hours and requests at list prices, not from AWS’s bill"
                : costs.source}
              , as of {moment(costs.as_of)}.
            </p>
          </>
        )}
      </Part>
      {danger && <ConfirmDialog danger={danger} close={() => setDanger(null)} />}
    </>
  );
}

function Sum({ costs: { month, to_date, forecast, budget } }: { costs: Costs }) {
  const name = new Date(`${month}-15T12:00:00Z`).toLocaleDateString("en", {
    month: "long",
    year: "numeric",
  });
  return (
    <div class="sum">
      <p class="sum-now">
        {dollars(to_date)}
        {budget !== null && <span> of {dollars(budget)}</span>}
      </p>
      {budget !== null && <Share name="Of the budget" part={to_date / budget} />}
      <p>
        {name} so far; about {dollars(forecast)} by its end
        {budget !== null && forecast > budget && ", which is more than its budget"}.
        {budget === null && " There is no budget."}
      </p>
    </div>
  );
}

/** What the fleet may cost before it is stopped. */
function Bound({ costs: { fleet_bound, fleet_counted } }: { costs: Costs }) {
  if (fleet_bound === null) return null;
  const counted = fleet_counted ?? 0;
  return (
    <div class="sum">
      <p>
        Of that, the fleet’s instances {dollars(counted)}, counted at list prices; at{" "}
        {dollars(fleet_bound)} they are stopped.
      </p>
      <Share name="Of what the fleet may cost" part={counted / fleet_bound} />
    </div>
  );
}

function Share({ name, part }: { name: string; part: number }) {
  const shown = Math.min(1, part);
  return (
    <>
      <meter class="visually-hidden" aria-label={name} value={shown.toFixed(2)} />
      <div class="bar" aria-hidden="true" data-spent={part >= 1}>
        <div style={{ width: `${shown * 100}%` }} />
      </div>
    </>
  );
}

function Parts({ costs: { parts } }: { costs: Costs }) {
  const most = Math.max(...parts.map((each) => each.dollars), 0);
  if (!parts.length) return <p class="part-note">Nothing has cost anything yet.</p>;
  return (
    <dl class="cost-parts">
      {[...parts]
        .sort((one, other) => other.dollars - one.dollars)
        .map((each) => (
          <div class="cost-part" key={each.name}>
            <dt>{each.name}</dt>
            <dd>{dollars(each.dollars)}</dd>
            <div class="bar" aria-hidden="true">
              <div style={{ width: `${most ? (each.dollars / most) * 100 : 0}%` }} />
            </div>
          </div>
        ))}
    </dl>
  );
}

function lifting(costs: Costs, done: () => void): Danger {
  return {
    title: "Lift the stop",
    does: `The fleet may start again, and its instances may cost as much again this month as they could before, from the ${dollars(costs.fleet_counted ?? 0)} that they have cost.`,
    undone:
      "This cannot be undone, but the fleet can be let sleep; what it has cost by then stays.",
    name: "lift",
    act: "Lift",
    perform: async () => {
      await ask("POST", "costs/lift", { body: {} });
      done();
    },
  };
}
