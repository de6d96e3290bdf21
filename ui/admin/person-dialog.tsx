/** One person: why they may, what they have and used, and what can be done about them. */

import { useState } from "preact/hooks";
import { Dialog } from "../page/dialog";
import { Field } from "../page/field";
import { day } from "../page/figures";
import { speech } from "../page/sign-in";
import { offerUndo, Undo } from "../page/undo";
import { useAct } from "./act";
import type { Key, Limits, Person, PersonInFull } from "./answers";
import { ask } from "./asking";
import { ConfirmDialog, type Danger } from "./confirm-dialog";
import { ago, count, moment } from "./figures";
import { keyRevocation } from "./key-revocation";
import { Tags } from "./person-tags";
import { usePolled } from "./polled";
import { CALM } from "./polling";
import { addressOf } from "./sections";

/** @param changed - Called when something was done. */
export function PersonDialog({
  number,
  changed,
  close,
}: {
  number: string;
  changed: () => void;
  close: () => void;
}) {
  const { answer, problem, again } = usePolled<PersonInFull>(
    (signal) => ask("GET", `people/${number}`, { signal }),
    CALM,
    number,
  );
  const [danger, setDanger] = useState<Danger | null>(null);
  const done = () => {
    again();
    changed();
  };
  return (
    <Dialog name="person" title={answer?.login ?? "…"} close={close}>
      {problem && (
        <p role="alert" class="message problem">
          {problem}
        </p>
      )}
      {answer && (
        <>
          <Facts person={answer} />
          <OwnLimits key={JSON.stringify(answer.limits)} person={answer} done={done} />
          <Sessions person={answer} />
          <Keys keys={answer.their_keys} revoke={(key) => setDanger(keyRevocation(key, done))} />
          <Acts person={answer} done={done} confirm={setDanger} />
        </>
      )}
      <Undo />
      {danger && <ConfirmDialog danger={danger} close={() => setDanger(null)} />}
    </Dialog>
  );
}

function Facts({ person }: { person: Person }) {
  return (
    <>
      <p>
        {person.name} <Tags person={person} />
      </p>
      <dl class="person-facts">
        <dt>{person.permitted && !person.blocked ? "May use it" : "May not use it"}</dt>
        <dd>{person.why}</dd>
        <dt>Tier</dt>
        <dd>{person.tier}</dd>
        <dt>Today</dt>
        <dd>{used(person.seconds_today, person.requests_today)}</dd>
        <dt>30 days</dt>
        <dd>{used(person.seconds_30d, person.requests_30d)}</dd>
        <dt>Last seen</dt>
        <dd>{ago(person.last_seen)}</dd>
        <dt>What they did</dt>
        <dd>
          <a href={addressOf("audit", person.login)}>in the audit</a>
        </dd>
      </dl>
    </>
  );
}

function used(seconds: number | null, requests: number | null): string {
  if (seconds === null || requests === null) return "not counted";
  return `${speech(seconds)} of speech, ${count(requests)} requests`;
}

function OwnLimits({ person, done }: { person: Person; done: () => void }) {
  const { limits } = person;
  const [requests, setRequests] = useState(limits?.requests ?? Number.NaN);
  const [minutes, setMinutes] = useState(limits ? limits.seconds / 60 : Number.NaN);
  const { busy, problem, perform } = useAct();
  const put = (next: Limits | null) =>
    ask("PUT", `people/${person.id}/limits`, { body: next }).then(done);
  const set = (next: Limits | null, said: string) =>
    perform(async () => {
      await put(next);
      offerUndo({ text: said, undo: () => void perform(() => put(limits)) });
    });
  return (
    <section aria-labelledby="limits-title">
      <h3 id="limits-title">Limits a day</h3>
      <p class="part-note">
        {limits
          ? `Of their own: ${count(limits.requests)} requests, ${speech(limits.seconds)} of speech.`
          : "Those of their tier, as the deployment says."}
      </p>
      <form
        class="limits-form"
        onSubmit={(event) => {
          event.preventDefault();
          void set(
            { requests, seconds: Math.round(minutes * 60) },
            `${person.login} has own limits.`,
          );
        }}
      >
        <Field name="Requests">
          <input
            type="number"
            required
            min={0}
            step={1}
            value={Number.isNaN(requests) ? "" : requests}
            onInput={(event) => setRequests(event.currentTarget.valueAsNumber)}
          />
        </Field>
        <Field name="Minutes of speech">
          <input
            type="number"
            required
            min={0}
            step="any"
            value={Number.isNaN(minutes) ? "" : minutes}
            onInput={(event) => setMinutes(event.currentTarget.valueAsNumber)}
          />
        </Field>
        <div class="limits-actions">
          <button type="submit" class="small-button" disabled={busy}>
            Set
          </button>
          {limits && (
            <button
              type="button"
              class="small-button"
              disabled={busy}
              onClick={() => void set(null, `${person.login} has the limits of their tier.`)}
            >
              As their tier
            </button>
          )}
        </div>
      </form>
      {problem && (
        <p role="alert" class="message problem">
          {problem}
        </p>
      )}
    </section>
  );
}

function Sessions({ person: { their_sessions: sessions } }: { person: PersonInFull }) {
  return (
    <section aria-labelledby="sessions-title">
      <h3 id="sessions-title">Sessions</h3>
      {sessions.length === 0 && <p class="part-note">They are signed in nowhere.</p>}
      <ul class="person-list">
        {sessions.map(({ made, expires }) => (
          <li key={made}>
            <span>since {moment(made)}</span>
            <small>until {moment(expires)} at the latest</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Keys({ keys, revoke }: { keys: Key[]; revoke: (key: Key) => void }) {
  return (
    <section aria-labelledby="person-keys-title">
      <h3 id="person-keys-title">Keys</h3>
      {keys.length === 0 && <p class="part-note">They have none.</p>}
      <ul class="person-list">
        {keys.map((key) => (
          <li key={key.id}>
            <span>
              {key.name} <code>{key.hint}</code>
              <small>
                made {day(key.made)}, used {ago(key.used)},{" "}
                {key.expires ? `good until ${day(key.expires)}` : "good for ever"}
              </small>
            </span>
            {key.unused_90_days && <span class="tag">unused for 90 days</span>}
            <button
              type="button"
              class="small-button"
              aria-label={`Revoke ${key.name}`}
              onClick={() => revoke(key)}
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Acts({
  person,
  done,
  confirm,
}: {
  person: Person;
  done: () => void;
  confirm: (danger: Danger) => void;
}) {
  const { busy, problem, perform } = useAct();
  const tell = (what: string) =>
    ask("POST", `people/${person.id}/${what}`, { body: {} }).then(done);
  const undo = (what: string) => () => void perform(() => tell(what));
  const { login } = person;
  return (
    <section aria-labelledby="acts-title">
      <h3 id="acts-title">What can be done</h3>
      <div class="person-acts">
        <div class="person-act">
          <p>Ends all their sessions and keys. They can sign in again, if they may.</p>
          <button
            type="button"
            class="small-button danger-button"
            disabled={busy}
            onClick={() =>
              confirm({
                title: `Revoke all of ${login}`,
                does: `${count(person.sessions)} sessions and ${count(person.keys)} keys of ${login} end within a minute. Programs that use the keys stop working.`,
                undone: "This cannot be undone: new keys have to be made.",
                name: login,
                act: "Revoke all",
                perform: () => tell("revoke"),
              })
            }
          >
            Revoke all…
          </button>
        </div>
        {person.blocked ? (
          <div class="person-act">
            <p>They may again what the policy lets them, with what they still have.</p>
            <button
              type="button"
              class="small-button"
              disabled={busy}
              onClick={() =>
                void perform(async () => {
                  await tell("unblock");
                  offerUndo({ text: `${login} is not blocked any more.`, undo: undo("block") });
                })
              }
            >
              Unblock
            </button>
          </div>
        ) : (
          <div class="person-act">
            <p>Keeps them out, whatever the policy says, until somebody unblocks them.</p>
            <button
              type="button"
              class="small-button danger-button"
              disabled={busy}
              onClick={() =>
                confirm({
                  title: `Block ${login}`,
                  does: `${login} cannot sign in, and their sessions and keys are refused within a minute.`,
                  undone: "Undone by Unblock.",
                  name: login,
                  act: "Block",
                  perform: async () => {
                    await tell("block");
                    offerUndo({ text: `${login} is blocked.`, undo: undo("unblock") });
                  },
                })
              }
            >
              Block…
            </button>
          </div>
        )}
      </div>
      {problem && (
        <p role="alert" class="message problem">
          {problem}
        </p>
      )}
    </section>
  );
}
