/** One picture, large: exactly what was sent, or heard here, and the sound it was made of. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { FRAMES_PER_SECOND } from "../chain/framing";
import { clock, frequencyMarks } from "../shared/axes";
import type { Utterance } from "../shared/messages";
import { Dialog } from "./dialog";
import { byteCount, duration, fateOf, languageName, pictureSeconds, soundBytes } from "./figures";
import { BackIcon, ForwardIcon } from "./icons";
import { picture, wholeUtterances } from "./library";
import { usePicture, Waveform } from "./pictures";
import { save } from "./save";
import "./picture-dialog.css";

/** CSS pixels to a frame of 10 ms, at least and at most. */
const CLOSEST = 12;

/** Shows an utterance in a dialog; `show` replaces it, or closes the dialog with null. */
export function PictureDialog({
  id,
  show,
}: {
  id: string;
  show: (utterance: Utterance | null) => void;
}) {
  const all = wholeUtterances.value;
  const place = all.findIndex((utterance) => utterance.id === id);
  const utterance = all[place];
  useEffect(() => {
    if (!utterance) show(null);
  }, [utterance, show]);
  if (!utterance) return null;
  const step = (by: number) => {
    const next = all[place + by];
    if (next) show(next);
  };
  return (
    <Dialog
      name="picture"
      title={`${clock(utterance.start, true)} to ${clock(utterance.end, true)}`}
      close={() => show(null)}
      onKeyDown={(event) => {
        if (event.target instanceof HTMLInputElement) return;
        if (event.key === "ArrowLeft") step(-1);
        if (event.key === "ArrowRight") step(1);
      }}
      actions={
        <>
          <button
            type="button"
            class="icon-button"
            aria-label="Previous picture"
            disabled={place === 0}
            onClick={() => step(-1)}
          >
            <BackIcon />
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label="Next picture"
            disabled={place === all.length - 1}
            onClick={() => step(1)}
          >
            <ForwardIcon />
          </button>
        </>
      }
    >
      <LargePicture key={utterance.id} utterance={utterance} />
      {utterance.answer?.text && <p class="dialog-words">{utterance.answer.text}</p>}
      <Particulars utterance={utterance} />
      <Downloads utterance={utterance} />
    </Dialog>
  );
}

/** What is above and below, by where the picture went. */
const LEGENDS = {
  Sent: "Above, what was sent, pixel for pixel. Below, the sound it was made of, which was not.",
  Waiting: "Above, what waits, pixel for pixel. Below, the sound it was made of.",
  "Stayed here":
    "Above, what this device heard, pixel for pixel, and did not send. Below, the sound it was made of.",
};

function LargePicture({ utterance }: { utterance: Utterance }) {
  const address = usePicture(utterance);
  const view = useRef<HTMLElement>(null);
  const frames = Math.round(pictureSeconds(utterance) * FRAMES_PER_SECOND);
  const [zoom, setZoom] = useState(0);
  const [fitting, setFitting] = useState(1);
  useEffect(() => {
    const element = view.current as HTMLElement;
    const observer = new ResizeObserver(() => setFitting(element.clientWidth / frames));
    observer.observe(element);
    return () => observer.disconnect();
  }, [frames]);
  // The slider goes from the whole picture to single frames, in equal ratios.
  const perFrame = fitting * Math.max(1, CLOSEST / fitting) ** zoom;
  return (
    <div class="large">
      <div class="large-picture">
        <div class="frequencies" aria-hidden="true">
          {frequencyMarks().map(({ height, label }) => (
            <span key={label} style={{ bottom: `${height * 100}%` }}>
              {label}
            </span>
          ))}
        </div>
        <section ref={view} class="large-view" tabIndex={0} aria-label="Picture and sound">
          <div style={{ width: `${perFrame * frames}px` }}>
            {address && (
              <img
                src={address}
                alt={`Mel image: ${frames} frames, ${utterance.wishes.melBins} mel bins`}
                class={perFrame > 3 ? "crisp" : ""}
              />
            )}
            {utterance.pictureless && <p class="gone">The picture gave way to newer ones.</p>}
            <Waveform extremes={utterance.waveform} />
          </div>
        </section>
      </div>
      <div class="large-legend">
        <p>{LEGENDS[fateOf(utterance)]}</p>
        <label class="zoom">
          Zoom
          <input
            type="range"
            min="0"
            max="1"
            step="0.01"
            value={zoom}
            onInput={(event) => setZoom(event.currentTarget.valueAsNumber)}
          />
        </label>
      </div>
    </div>
  );
}

function Particulars({ utterance }: { utterance: Utterance }) {
  const { bytes, type, wishes, answer, spoken, sent, answered } = utterance;
  const length = pictureSeconds(utterance);
  const sound = soundBytes(length);
  const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(2)} s`;
  const fate = fateOf(utterance);
  const facts: [string, ComponentChildren][] = [
    ["Length", duration(length)],
    [fate, `${byteCount(bytes)} of ${type.replace("image/", "").toUpperCase()}`],
    ["As sound", `${byteCount(sound)}, ${(sound / bytes).toFixed(1)} times as much`],
    ["Mel bins", wishes.melBins],
  ];
  if (answer?.language) facts.push(["Language", languageName(answer.language)]);
  if (answer?.confidence != null) {
    facts.push(["Confidence", `${Math.round(answer.confidence * 100)} %`]);
  }
  if (spoken !== null && sent !== null && fate === "Sent") {
    facts.push(["End of speech to sending", seconds(sent - spoken)]);
  }
  if (spoken !== null && answered !== null) {
    facts.push(["End of speech to text", seconds(answered - spoken)]);
  } else if (sent !== null && answered !== null) {
    facts.push([fate === "Sent" ? "Sending to text" : "Hearing to text", seconds(answered - sent)]);
  }
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Downloads({ utterance }: { utterance: Utterance }) {
  const [problem, setProblem] = useState<string | null>(null);
  const download = async (make: (sent: Blob) => Promise<File>) => {
    const sent = await picture(utterance);
    if (sent) save(await make(sent));
    else setProblem("The picture is gone: it gave way to newer ones.");
  };
  const stem = `speech-${clock(utterance.start, true).replace(/[:.]/g, "-")}`;
  const extension = utterance.type.replace("image/", "");
  return (
    <div class="downloads">
      <button
        type="button"
        class="second-button"
        onClick={() =>
          download(
            async (sent) => new File([sent], `${stem}.${extension}`, { type: utterance.type }),
          )
        }
      >
        Download {extension.toUpperCase()}
      </button>
      {extension === "png" && (
        <button
          type="button"
          class="second-button"
          onClick={() => download(async (sent) => new File([await asTga(sent)], `${stem}.tga`))}
        >
          Download TGA
        </button>
      )}
      {problem && <p role="alert">{problem}</p>}
    </div>
  );
}

/** Returns the same pixels and range in mel-spec's format. */
async function asTga(png: Blob): Promise<Uint8Array<ArrayBuffer>> {
  const { tgaOfPng } = await import("./tga-download");
  return tgaOfPng(new Uint8Array(await png.arrayBuffer()));
}
