/** Draws a line over time, with uPlot, in the page's colours. */

import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const HEIGHT = 150;
const LABELS = "12px system-ui, sans-serif";

/** What is drawn: times in Unix seconds, and values, of which null is a gap. */
export interface Line {
  times: number[];
  values: (number | null)[];
  /** Whether the times are days apart. */
  daily: boolean;
}

/** A drawing on the page. */
export interface Plot {
  show: (line: Line) => void;
  end: () => void;
}

/**
 * Draws a line into an element, as wide as that is.
 *
 * @param pointed - Called with the index of the value that is pointed at; null for none.
 */
export function draw(
  element: HTMLElement,
  line: Line,
  pointed: (index: number | null) => void,
): Plot {
  let { daily } = line;
  const labels = { stroke: () => colour(element, "--soft-ink"), font: LABELS };
  const faint = { stroke: () => colour(element, "--line"), width: 1 };
  const plot = new UPlot(
    {
      width: Math.max(element.clientWidth, 100),
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { y: { range: (_, __, most) => [0, Math.max(most, 1) * 1.1] } },
      axes: [
        {
          ...labels,
          grid: { show: false },
          ticks: faint,
          values: (_, times) => times.map((time) => written(time, daily)),
        },
        { ...labels, grid: faint, ticks: { show: false }, size: 44 },
      ],
      series: [
        {},
        {
          stroke: () => colour(element, "--accent"),
          fill: () => colour(element, "--accent-wash"),
          width: 1.5,
          points: { show: false },
        },
      ],
      hooks: { setCursor: [({ cursor }) => pointed(cursor.idx ?? null)] },
    },
    [line.times, line.values],
    element,
  );
  const resized = new ResizeObserver(() =>
    plot.setSize({ width: Math.max(element.clientWidth, 100), height: HEIGHT }),
  );
  resized.observe(element);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const themed = () => plot.redraw();
  dark.addEventListener("change", themed);
  return {
    show(next) {
      daily = next.daily;
      plot.setData([next.times, next.values]);
    },
    end() {
      resized.disconnect();
      dark.removeEventListener("change", themed);
      plot.destroy();
    },
  };
}

function written(time: number, daily: boolean): string {
  const date = new Date(time * 1_000);
  return daily
    ? date.toLocaleDateString([], { day: "numeric", month: "short" })
    : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

/** Returns a colour of the page as it is in the theme that is shown. */
function colour(element: HTMLElement, name: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
