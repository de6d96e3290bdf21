/** Who may use it, and who did. */

import { useState } from "preact/hooks";
import { speech } from "../page/sign-in";
import type { People, Person } from "./answers";
import { ago, count, NOT_KNOWN } from "./figures";
import { emptyWords, Pages, usePaged } from "./paged";
import { Part, Problem } from "./part";
import { PersonDialog } from "./person-dialog";
import { Tags } from "./person-tags";
import { SearchField } from "./search-field";
import { shownPerson, sought } from "./sections";
import { type Column, Table } from "./table";
import "./people.css";

export function PeopleSection() {
  const [search, setSearch] = useState(sought.value);
  const paged = usePaged<People>("people", { search, limit: 50 });
  const { answer, again } = paged.polled;
  const columns: Column<Person>[] = [
    {
      name: "Person",
      of: (person) => (
        <>
          <button type="button" class="text-button" onClick={() => show(person.id)}>
            {person.login}
          </button>{" "}
          <Tags person={person} />
          {person.name && <small>{person.name}</small>}
        </>
      ),
    },
    ...COLUMNS,
  ];
  return (
    <>
      <Problem polled={paged.polled} />
      <Part title="People" known={answer}>
        {({ people, after }) => (
          <>
            <div class="filters">
              <SearchField name="Search by name" value={search} onSearch={setSearch} />
            </div>
            <Table
              caption="People"
              columns={columns}
              rows={people}
              idOf={({ id }) => id}
              empty={emptyWords(search, after, "Nobody has signed in yet.")}
            />
            <Pages paged={paged} name="people" />
          </>
        )}
      </Part>
      {shownPerson.value !== null && (
        <PersonDialog number={shownPerson.value} changed={again} close={() => show(null)} />
      )}
    </>
  );
}

function show(person: string | null): void {
  shownPerson.value = person;
}

function used(seconds: number | null, requests: number | null) {
  if (seconds === null || requests === null) return NOT_KNOWN;
  return (
    <div>
      {speech(seconds)}
      <small>{count(requests)} requests</small>
    </div>
  );
}

const COLUMNS: Column<Person>[] = [
  { name: "Tier", of: ({ tier }) => tier },
  { name: "Sessions", of: ({ sessions }) => count(sessions), figures: true },
  { name: "Keys", of: ({ keys }) => count(keys), figures: true },
  {
    name: "Today",
    of: ({ seconds_today, requests_today }) => used(seconds_today, requests_today),
    figures: true,
  },
  {
    name: "30 days",
    of: ({ seconds_30d, requests_30d }) => used(seconds_30d, requests_30d),
    figures: true,
  },
  { name: "Last seen", of: ({ last_seen }) => ago(last_seen) },
];
