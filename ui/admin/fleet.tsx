/** What runs now, how it was lately, and what there is to say about it. */

import { Alarms } from "./alarms";
import { type Fleet, type Instance, isUnknown } from "./answers";
import { ask } from "./asking";
import { Charts } from "./charts";
import { Deployments } from "./deployments";
import { clock, count, dollars, lasting, NOT_KNOWN, percent } from "./figures";
import { FleetControls } from "./fleet-controls";
import { Part, Problem } from "./part";
import { usePolled } from "./polled";
import { type Column, Table } from "./table";
import "./fleet.css";

const PACE = { quick: 5_000, slow: 60_000 };

export function FleetSection() {
  const polled = usePolled<Fleet>((signal) => ask("GET", "fleet", { signal }), PACE);
  const fleet = polled.answer;
  return (
    <>
      <Problem polled={polled} />
      <Part
        title="Now"
        known={fleet}
        actions={fleet && <p class="part-note">as of {clock(fleet.now)}</p>}
      >
        {(known) => <Tiles fleet={known} />}
      </Part>
      <Alarms />
      <FleetControls polled={polled} />
      <Part title="Instances" known={fleet?.instances ?? null}>
        {(instances) => (
          <Table
            caption="Instances"
            columns={COLUMNS}
            rows={instances}
            idOf={({ id }) => id}
            empty="None runs: the fleet sleeps, and costs nothing."
          />
        )}
      </Part>
      <Charts />
      <Deployments />
    </>
  );
}

function Tiles({ fleet: { group, instances, traffic } }: { fleet: Fleet }) {
  const running = isUnknown(instances) ? null : instances;
  const ready = running?.filter(({ state }) => state === "ready").length ?? null;
  const cost = running?.reduce((sum, { dollars_an_hour }) => sum + dollars_an_hour, 0);
  const wanted = isUnknown(group) ? null : group.desired;
  const measured = isUnknown(traffic) ? null : traffic;
  const share = measured?.responder_share ?? null;
  return (
    <>
      <dl class="tiles">
        <Tile name="Ready of wanted" value={`${count(ready)} of ${count(wanted)}`} />
        <Tile name="Costs an hour" value={cost === undefined ? NOT_KNOWN : dollars(cost)} />
        <Tile name="Pictures that wait" value={count(measured?.queue ?? null)} />
        <Tile
          name="Wait: median, 95 %"
          value={`${lasting(measured?.wait_seconds_p50 ?? null)}, ${lasting(measured?.wait_seconds_p95 ?? null)}`}
        />
        <Tile name="Requests in 5 min" value={count(measured?.requests_5m ?? null)} />
        <Tile
          name="Errors in 5 min"
          value={count(measured?.errors_5m ?? null)}
          bad={(measured?.errors_5m ?? 0) > 0}
        />
        {share !== null && <Tile name="By the responder" value={percent(share)} />}
        <Tile name="Interruptions, 24 h" value={count(measured?.interruptions_24h ?? null)} />
      </dl>
      {isUnknown(traffic) && (
        <p class="message part-unknown">Traffic is not known now: {traffic.unknown}</p>
      )}
    </>
  );
}

function Tile({ name, value, bad = false }: { name: string; value: string; bad?: boolean }) {
  return (
    <div class="tile" data-bad={bad}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const COLUMNS: Column<Instance>[] = [
  {
    name: "Instance",
    of: ({ id, version }) => (
      <>
        <code>{id}</code>
        {version && <small>{version}</small>}
      </>
    ),
  },
  {
    name: "State",
    of: ({ state }) => (
      <span class="state" data-state={state}>
        {state}
      </span>
    ),
  },
  {
    name: "Type and zone",
    of: ({ type, zone, market }) => (
      <div>
        {type}
        <small>
          {zone}, {market === "spot" ? "spot" : "on demand"}
        </small>
      </div>
    ),
  },
  { name: "Models", of: ({ models }) => models.join(", ") || NOT_KNOWN },
  { name: "Age", of: ({ age_seconds }) => lasting(age_seconds), figures: true },
  {
    name: "In flight",
    of: ({ pictures_in_flight }) => count(pictures_in_flight),
    figures: true,
  },
  {
    name: "GPU",
    of: ({ gpu_percent }) => percent(gpu_percent === null ? null : gpu_percent / 100),
    figures: true,
  },
  { name: "An hour", of: ({ dollars_an_hour }) => dollars(dollars_an_hour), figures: true },
];
