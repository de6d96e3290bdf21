/** Somebody's account: what was used today, and API keys. */

import { useCallback, useEffect, useId, useRef, useState } from "preact/hooks";
import { askMe, me } from "./account";
import { Dialog } from "./dialog";
import { Field } from "./field";
import { day, duration } from "./figures";
import { CopyIcon } from "./icons";
import { createKey, type Key, listKeys, revokeKey, signOut } from "./keys";
import { watchService } from "./service";
import { type Amount, type Person, share, speech } from "./sign-in";
import "./account-dialog.css";

/** How long a key can be good for, in days; null is for ever. */
const LIFETIMES: { days: number | null; label: string }[] = [
  { days: 30, label: "30 days" },
  { days: 90, label: "90 days" },
  { days: 365, label: "A year" },
  { days: null, label: "For ever" },
];

/** The account, in a dialog. */
export function AccountDialog({ close }: { close: () => void }) {
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => void askMe(), []);
  const person = me.value?.sign_in && me.value.signed_in ? me.value : null;
  useEffect(() => {
    if (!person) close();
  }, [person, close]);
  if (!person) return null;
  const leave = async () => {
    try {
      await signOut();
      await askMe();
      await watchService();
    } catch (error) {
      setProblem((error as Error).message);
    }
  };
  return (
    <Dialog
      name="account"
      title={person.login}
      close={close}
      actions={
        <button type="button" class="small-button" onClick={leave}>
          Sign out
        </button>
      }
    >
      <p class="person-name">
        {person.name}
        {person.name && person.administrator && ", "}
        {person.administrator && (
          <>
            administrator: <a href="admin">administration</a>
          </>
        )}
      </p>
      {problem && (
        <p role="alert" class="message problem">
          {problem}.
        </p>
      )}
      <Today person={person} />
      <Keys />
    </Dialog>
  );
}

function Today({ person: { usage, limits, resets } }: { person: Person }) {
  const left = Math.max(0, (Date.parse(resets) - Date.now()) / 1_000);
  const time = new Date(resets).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return (
    <section aria-labelledby="today-title">
      <h3 id="today-title">Today</h3>
      <dl class="usage">
        <Used
          name="Speech"
          used={usage}
          limits={limits}
          what="seconds"
          written={(amount) => speech(amount)}
        />
        <Used
          name="Pictures"
          used={usage}
          limits={limits}
          what="requests"
          written={(amount) => amount.toLocaleString("en")}
        />
      </dl>
      <p class="field-note">
        {limits
          ? `The next day begins at ${time}, in ${duration(left)}.`
          : "There is no limit for you."}
      </p>
    </section>
  );
}

function Used({
  name,
  used,
  limits,
  what,
  written,
}: {
  name: string;
  used: Amount;
  limits: Amount | null;
  what: keyof Amount;
  written: (amount: number) => string;
}) {
  const part = limits && share(used[what], limits[what]);
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {part !== null && (
          <>
            <meter
              class="visually-hidden"
              aria-label={`${name} of today's limit`}
              value={part.toFixed(2)}
            />
            <div class="usage-meter" aria-hidden="true" data-spent={part >= 1}>
              <div style={{ width: `${part * 100}%` }} />
            </div>
          </>
        )}
        <span>
          {written(used[what])}
          {limits && ` of ${written(limits[what])}`}
        </span>
      </dd>
    </>
  );
}

function Keys() {
  const [keys, setKeys] = useState<Key[] | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const attempt = useCallback(async (doing: () => Promise<void>) => {
    setProblem(null);
    try {
      await doing();
      setKeys(await listKeys());
    } catch (error) {
      setProblem((error as Error).message);
    }
  }, []);
  useEffect(() => void attempt(async () => {}), [attempt]);
  const revoke = ({ id, name }: Key) => {
    if (!confirm(`Revoke “${name}”? Programs that use it stop working.`)) return;
    setMade(null);
    void attempt(() => revokeKey(id));
  };
  return (
    <section aria-labelledby="keys-title">
      <h3 id="keys-title">API keys</h3>
      <p class="field-note">
        For programs that know OpenAI’s API, and for hush’s command line. Whoever has a key uses
        your account.
      </p>
      {keys?.length === 0 && <p class="no-keys">There are none yet.</p>}
      <ul class="keys" aria-label="API keys">
        {keys?.map((key) => (
          <li key={key.id} class="key">
            <span class="key-name">{key.name}</span>
            <span class="key-figures">
              <code>{key.hint}</code>
              {key.kind === "login" && <span>hush login</span>}
              <span>made {day(key.created)}</span>
              <span>{key.expires ? `good until ${day(key.expires)}` : "good for ever"}</span>
            </span>
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
      {made && <NewKey value={made} />}
      {problem && (
        <p role="alert" class="message problem">
          {problem}.
        </p>
      )}
      <CreateKey
        create={(name, days) => attempt(async () => setMade(await createKey(name, days)))}
      />
    </section>
  );
}

function CreateKey({ create }: { create: (name: string, days: number | null) => Promise<void> }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState<number | null>(90);
  const [busy, setBusy] = useState(false);
  return (
    <form
      class="create-key"
      onSubmit={async (event) => {
        event.preventDefault();
        setBusy(true);
        await create(name.trim(), days);
        setBusy(false);
        setName("");
      }}
    >
      <Field name="Name of a new key">
        <input
          type="text"
          required
          maxLength={60}
          pattern=".*\S.*"
          placeholder="What it is for"
          autocomplete="off"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </Field>
      <Field name="Good for">
        <select
          value={String(days)}
          onChange={({ currentTarget: { value } }) =>
            setDays(value === "null" ? null : Number(value))
          }
        >
          {LIFETIMES.map((lifetime) => (
            <option key={lifetime.label} value={String(lifetime.days)}>
              {lifetime.label}
            </option>
          ))}
        </select>
      </Field>
      <button type="submit" class="second-button" disabled={busy}>
        Create
      </button>
    </form>
  );
}

function NewKey({ value }: { value: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    setCopied(false);
    field.current?.focus();
    field.current?.select();
  }, [value]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(value);
      setCopied(true);
    } catch {
      field.current?.select(); // for the keyboard to copy
    }
  };
  return (
    <div class="new-key">
      <label for={id}>Copy your new key now: it is not shown again.</label>
      <div class="new-key-row">
        <input ref={field} id={id} type="text" readOnly value={value} />
        <button type="button" class="second-button" onClick={copy}>
          <CopyIcon />
          <span aria-live="polite">{copied ? "Copied" : "Copy"}</span>
        </button>
      </div>
    </div>
  );
}
