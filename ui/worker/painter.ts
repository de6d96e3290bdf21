/** The thread that paints, so that neither the page nor the listener ever waits for a screen. */

import type { Columns, PainterOrder } from "../shared/messages";
import { Spectrogram } from "./spectrogram";

let view: Spectrogram | null = null;

self.onmessage = (event: MessageEvent<PainterOrder>) => {
  const order = event.data;
  if (order.kind === "canvas") view = new Spectrogram(order.canvas, order.ratio, order.still);
  else if (view) obey(view, order);
};

/** Does what the page asks of a view. */
function obey(view: Spectrogram, order: Exclude<PainterOrder, { kind: "canvas" }>): void {
  switch (order.kind) {
    case "size":
      view.resize(order.width, order.height, order.ratio);
      break;
    case "still":
      view.still = order.still;
      break;
    case "begin":
      view.begin(order.melBins, order.whole);
      order.port.onmessage = (columns: MessageEvent<Columns>) => view.take(columns.data);
      break;
  }
}
