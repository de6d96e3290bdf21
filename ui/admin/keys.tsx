/** All API keys. */

import { useState } from "preact/hooks";
import { day } from "../page/figures";
import type { Key, Keys } from "./answers";
import { ConfirmDialog, type Danger } from "./confirm-dialog";
import { ago } from "./figures";
import { keyRevocation } from "./key-revocation";
import { emptyWords, Pages, usePaged } from "./paged";
import { Part, Problem } from "./part";
import { SearchField } from "./search-field";
import { addressOf, sought } from "./sections";
import { type Column, Table } from "./table";

export function KeysSection() {
  const [search, setSearch] = useState(sought.value);
  const [danger, setDanger] = useState<Danger | null>(null);
  const paged = usePaged<Keys>("keys", { search, limit: 50 });
  const { answer, again } = paged.polled;
  const columns: Column<Key>[] = [
    ...COLUMNS,
    {
      name: "Revoke",
      of: (key) => (
        <button
          type="button"
          class="small-button"
          aria-label={`Revoke ${key.name} of ${key.login}`}
          onClick={() => setDanger(keyRevocation(key, again))}
        >
          Revoke…
        </button>
      ),
    },
  ];
  return (
    <>
      <Problem polled={paged.polled} />
      <Part title="Keys" known={answer}>
        {({ keys, after }) => (
          <>
            <div class="filters">
              <SearchField
                name="Search by name or last letters"
                value={search}
                onSearch={setSearch}
              />
            </div>
            <Table
              caption="Keys"
              columns={columns}
              rows={keys}
              idOf={({ person, id }) => `${person} ${id}`}
              empty={emptyWords(search, after, "Nobody has made a key yet.")}
            />
            <Pages paged={paged} name="keys" />
          </>
        )}
      </Part>
      {danger && <ConfirmDialog danger={danger} close={() => setDanger(null)} />}
    </>
  );
}

const COLUMNS: Column<Key>[] = [
  {
    name: "Key",
    of: ({ name, hint, kind }) => (
      <>
        {name} {kind === "login" && <span class="tag">hush login</span>}
        <small>
          <code>{hint}</code>
        </small>
      </>
    ),
  },
  {
    name: "Owner",
    of: ({ login }) => <a href={addressOf("people", login)}>{login}</a>,
  },
  { name: "Made", of: ({ made }) => day(made) },
  {
    name: "Last used",
    of: ({ used, unused_90_days }) => (
      <div>
        {ago(used)} {unused_90_days && <span class="tag">unused for 90 days</span>}
      </div>
    ),
  },
  { name: "Good until", of: ({ expires }) => (expires ? day(expires) : "for ever") },
];
