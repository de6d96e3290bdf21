/** Who signed in, made keys, was refused, and what administrators did. */

import { useEffect, useState } from "preact/hooks";
import { Field } from "../page/field";
import { type Audit, type AuditEvent, isUnknown, type Part as Known, type People } from "./answers";
import { ask, query } from "./asking";
import { moment } from "./figures";
import { Pages, usePaged } from "./paged";
import { Part, Problem } from "./part";
import { SearchField } from "./search-field";
import { sought } from "./sections";
import { type Column, Table } from "./table";

export function AuditSection() {
  const [person, setPerson] = useState(sought.value);
  const [kind, setKind] = useState("");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const { number, problem } = useNumber(person);
  const paged = usePaged<Known<Audit> & { after: string | null }>("audit", {
    person: number,
    kind,
    since: midnight(since),
    until: midnight(until, 1),
  });
  const { answer } = paged.polled;
  const kinds = answer && !isUnknown(answer) ? answer.events.map((event) => event.kind) : [];
  return (
    <>
      <Problem polled={paged.polled} />
      <Part title="Audit" known={answer && {}}>
        {() => (
          <div class="filters">
            <SearchField name="Person" value={person} onSearch={setPerson} />
            <Field name="Kind">
              <input
                type="text"
                list="kinds"
                autocomplete="off"
                value={kind}
                onChange={(event) => setKind(kindOf(event.currentTarget.value))}
              />
            </Field>
            <datalist id="kinds">
              {[...new Set(kinds)].sort().map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
            <Field name="Since">
              <input
                type="date"
                value={since}
                onChange={(event) => setSince(event.currentTarget.value)}
              />
            </Field>
            <Field name="To the end of">
              <input
                type="date"
                value={until}
                onChange={(event) => setUntil(event.currentTarget.value)}
              />
            </Field>
          </div>
        )}
      </Part>
      {problem && (
        <p role="alert" class="message problem act-problem">
          {problem}
        </p>
      )}
      {answer &&
        (isUnknown(answer) ? (
          <p class="message part-unknown">Not known now: {answer.unknown}</p>
        ) : (
          <>
            <Table
              caption="Events, the newest first"
              columns={COLUMNS}
              rows={answer.events}
              idOf={(event) => JSON.stringify(event)}
              empty="Nothing happened that is like this."
            />
            <Pages paged={paged} name="events" />
          </>
        ))}
    </>
  );
}

/** Returns the number of who is called so, by which the audit knows people; "" for everybody. */
function useNumber(login: string): { number: string; problem: string | null } {
  const [found, setFound] = useState({ number: "", problem: null as string | null });
  useEffect(() => {
    let gone = false;
    const tell = (number: string, problem: string | null = null) => {
      if (!gone) setFound({ number, problem });
    };
    if (!login || /^\d+$/.test(login)) tell(login);
    else
      ask<People>("GET", `people${query({ search: login, limit: 100 })}`).then(
        ({ people }) => {
          const same = people.find((each) => each.login.toLowerCase() === login.toLowerCase());
          if (same) tell(same.id);
          else tell("", `Nobody is called “${login}”: this is of everybody.`);
        },
        (error: Error) => tell("", error.message),
      );
    return () => {
      gone = true;
    };
  }, [login]);
  return found;
}

/** Returns a kind as it is written: in small letters, with dashes. */
function kindOf(typed: string): string {
  return typed
    .trim()
    .toLowerCase()
    .replace(/[^a-z]+/g, "-");
}

/** Returns when a day begins here, or one some days after it, as ISO 8601; "" for none. */
function midnight(day: string, after = 0): string {
  const time = new Date(`${day}T00:00`);
  if (Number.isNaN(time.getTime())) return "";
  time.setDate(time.getDate() + after);
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

const COLUMNS: Column<AuditEvent>[] = [
  { name: "What", of: ({ kind }) => kind },
  { name: "When", of: ({ time }) => moment(time) },
  { name: "Who", of: ({ login, person }) => login ?? person ?? "" },
  { name: "By", of: ({ by }) => by ?? "" },
  {
    name: "Details",
    of: ({ details }) =>
      Object.entries(details)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => `${name}: ${value}`)
        .join(", "),
  },
];
