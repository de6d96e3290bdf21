/** The thread that paints, so that neither the page nor the listener ever waits for a screen. */

import type { PainterOrder, PaintingUpdate } from "../shared/messages";
import { Painting } from "./painting";

let painting: Painting | null = null;

self.onmessage = (event: MessageEvent<PainterOrder>) => {
  const order = event.data;
  if (order.kind === "canvas") painting = new Painting(order.canvas, order.ratio, order.still);
  else if (painting) obey(painting, order);
};

/** Does what the page asks of a painting. */
function obey(painting: Painting, order: Exclude<PainterOrder, { kind: "canvas" }>): void {
  switch (order.kind) {
    case "size":
      painting.resize(order.width, order.height, order.ratio);
      break;
    case "still":
      painting.still = order.still;
      break;
    case "begin":
      painting.begin(order.melBins, order.whole);
      order.port.onmessage = (event: MessageEvent<PaintingUpdate>) => painting.take(event.data);
      break;
  }
}
