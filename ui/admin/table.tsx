// biome-ignore-all lint/a11y/noRedundantRoles: as cards they are no table to browsers but for these
/** Rows and columns; on narrow screens, each row is a card. */

import type { ComponentChildren } from "preact";
import "./table.css";

export interface Column<Row> {
  name: string;
  of: (row: Row) => ComponentChildren;
  /** Whether it holds figures, which stand to the right. */
  figures?: boolean;
}

/** A table whose first column says what a row is about. */
export function Table<Row>({
  caption,
  columns,
  rows,
  idOf,
  empty,
}: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  idOf: (row: Row) => string;
  /** What is said where there are no rows. */
  empty: string;
}) {
  if (!rows.length) return <p class="part-note">{empty}</p>;
  const [first, ...others] = columns;
  return (
    <table class="table" role="table">
      <caption class="visually-hidden">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ name, figures }) => (
            <th key={name} role="columnheader" scope="col" data-figures={figures}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr key={idOf(row)} role="row">
            <th role="rowheader" scope="row">
              {first.of(row)}
            </th>
            {others.map(({ name, of, figures }) => (
              <td key={name} role="cell" data-name={name} data-figures={figures}>
                {of(row)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
