/** The last hours or days, as lines; each is there as a table too. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Choice } from "../page/field";
import type { Charts as Answer, Part as Known, Series } from "./answers";
import { ask } from "./asking";
import { measure, moment, summary, timesOf } from "./figures";
import { Part } from "./part";
import type { Line, Plot } from "./plot";
import { usePolled } from "./polled";
import "./charts.css";

type Hours = "24" | "720";

const PACE = { quick: 60_000, slow: 300_000 };

export function Charts() {
  const [hours, setHours] = useState<Hours>("24");
  const { answer, problem } = usePolled<Known<Answer>>(
    (signal) => ask("GET", `charts?hours=${hours}`, { signal }),
    PACE,
    hours,
  );
  const known = answer === null && problem !== null ? { unknown: problem } : answer;
  return (
    <Part
      title="Lately"
      known={known}
      actions={
        <Choice<Hours>
          name="The last"
          value={hours}
          options={[
            { value: "24", label: "24 hours" },
            { value: "720", label: "30 days" },
          ]}
          onChoose={setHours}
        />
      }
    >
      {(charts) =>
        charts.series.length ? (
          <div class="charts">
            {charts.series.map((series) => (
              <Chart key={series.name} series={series} charts={charts} />
            ))}
          </div>
        ) : (
          <p class="part-note">Nothing was measured yet.</p>
        )
      }
    </Part>
  );
}

function Chart({ series, charts }: { series: Series; charts: Answer }) {
  const { label, unit, values } = series;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const [open, setOpen] = useState(false);
  const line: Line = {
    times: timesOf(charts.from, charts.step_seconds, values.length),
    values,
    daily: charts.step_seconds * values.length > 172_800,
  };
  const shown = useRef(line);
  shown.current = line;
  useEffect(() => {
    let gone = false;
    // Where it cannot be fetched, the tables say the same.
    import("./plot").then(
      ({ draw }) => {
        if (gone || !place.current) return;
        plot.current = draw(place.current, shown.current, setPointed);
      },
      () => {},
    );
    return () => {
      gone = true;
      plot.current?.end();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.show(line), [charts, series]);
  const written = (index: number) => measure(values[index] ?? null, unit);
  const last = values.findLastIndex((value) => value !== null);
  const at = pointed ?? last;
  return (
    <figure class="chart">
      <figcaption>
        <span>{label}</span>
        <span class="chart-value" aria-hidden="true">
          {at >= 0 && written(at)}
          {pointed !== null && <small> {moment(stamp(line.times[pointed]))}</small>}
        </span>
      </figcaption>
      <div ref={place} class="chart-plot" role="img" aria-label={summary(label, unit, values)} />
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          As a table<span class="visually-hidden">: {label}</span>
        </summary>
        {open && (
          <section class="chart-table" tabIndex={0} aria-label={`${label}, as a table`}>
            <table>
              <thead>
                <tr>
                  <th scope="col">Time</th>
                  <th scope="col">{label}</th>
                </tr>
              </thead>
              <tbody>
                {line.times.map((time, index) => (
                  <tr key={time}>
                    <th scope="row">{moment(stamp(time))}</th>
                    <td>{written(index)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        )}
      </details>
    </figure>
  );
}

function stamp(time: number): string {
  return new Date(time * 1_000).toISOString();
}
