/** What leaves this device, and what stays: every picture, beside the sound it was made of. */

import { useEffect, useRef, useState } from "preact/hooks";
import { clock } from "../shared/axes";
import { hasLeft, type Utterance } from "../shared/messages";
import { byteCount, duration, fateOf, languageName, pictureSeconds, soundBytes } from "./figures";
import { ForUtterance, type UtteranceProps } from "./for-utterance";
import { interimCost, picture, sentAgain, wholeUtterances } from "./library";
import { here } from "./service";
import { settings } from "./settings";
import "./pictures.css";

/** Pictures that are listed before somebody asks for more. */
const LISTED = 40;

/** A tally of what left, and the pictures, newest first. */
export function Pictures({ show }: { show: (utterance: Utterance) => void }) {
  const [most, setMost] = useState(LISTED);
  const utterances = wholeUtterances.value.toReversed();
  return (
    <section class="pictures" aria-labelledby="pictures-title">
      <h2 id="pictures-title">What leaves this device</h2>
      <Tally utterances={utterances} />
      <ol class="picture-list">
        {utterances.slice(0, most).map((utterance) => (
          <ForUtterance key={utterance.id} utterance={utterance} show={show} of={PictureRow} />
        ))}
      </ol>
      {utterances.length > most && (
        <button type="button" class="second-button" onClick={() => setMost(utterances.length)}>
          Show all {utterances.length}
        </button>
      )}
    </section>
  );
}

function Tally({ utterances }: { utterances: Utterance[] }) {
  const interim = interimCost.value;
  const again = sentAgain.value;
  const { hears } = settings.value;
  // What waits for the service may be on its way.
  const leaves = hears !== "device" && !here.value;
  const left = utterances.filter((each) => hasLeft(each) || (leaves && each.state === "waiting"));
  const pictures = left.length + interim.pictures + again.pictures;
  const sent = left.reduce((sum, { bytes }) => sum + bytes, interim.bytes + again.bytes);
  const sound = left
    .filter(({ joins }) => !joins)
    .reduce((sum, { start, end }) => sum + soundBytes(end - start), 0);
  const stayed = utterances.filter(
    (utterance) => utterance.state === "answered" && fateOf(utterance) === "Stayed here",
  );
  const stayedText =
    stayed.length > 0 &&
    `${stayed.length === 1 ? "1 picture was" : `${stayed.length} pictures were`} heard on this device, and never left it. `;
  if (!pictures) {
    return (
      <p class="tally-text">
        {hears === "device"
          ? "Nothing: this device hears by itself. "
          : "Nothing yet. A picture of each stretch of speech will: never the sound itself. "}
        {stayedText}
        <a href="privacy.html">What a picture still tells</a>
      </p>
    );
  }
  return (
    <div class="tally">
      <dl class="bars">
        <dt>{pictures === 1 ? "1 picture" : `${pictures} pictures`}</dt>
        <dd>
          <span class="bar sent" style={{ width: `${(100 * sent) / Math.max(sent, sound)}%` }} />
          {byteCount(sent)}
        </dd>
        <dt>As sound</dt>
        <dd>
          <span class="bar" style={{ width: `${(100 * sound) / Math.max(sent, sound)}%` }} />
          {byteCount(sound)}
        </dd>
      </dl>
      <p class="tally-text">
        {interim.pictures > 0 &&
          `${interim.pictures} of them, ${byteCount(interim.bytes)}, showed what was still being said, for words at once; of these only the newest is kept, until the stretch ends. `}
        {again.pictures > 0 &&
          `${again.pictures} of them, ${byteCount(again.bytes)}, were sent once more, to be transcribed again or in English. `}
        {stayedText}The sound stayed here, and is gone.{" "}
        <a href="privacy.html">What a picture still tells</a>
      </p>
    </div>
  );
}

/** How small pictures are, by where they went. */
const SHOWN = {
  Sent: "as it was sent",
  Waiting: "as it waits",
  "Stayed here": "as this device heard it",
};

function PictureRow({ utterance, show }: UtteranceProps) {
  const { start, bytes, answer, state, spoken, answered, joins } = utterance;
  const row = useRef<HTMLLIElement>(null);
  const seen = useSeen(row);
  const seconds = pictureSeconds(utterance);
  const fate = fateOf(utterance);
  const particulars = [
    joins && `${joins.length} joined`,
    duration(seconds),
    byteCount(bytes),
    answer?.language && languageName(answer.language),
    answer?.confidence != null && `${Math.round(answer.confidence * 100)} % sure`,
    spoken !== null && answered !== null && `${((answered - spoken) / 1000).toFixed(1)} s to text`,
    fate === "Stayed here" && "stayed here",
    state === "waiting" && "waiting",
    state === "refused" && "refused",
    utterance.pictureless && "gave way to newer ones",
  ].filter(Boolean);
  return (
    <li ref={row} class="picture-row" data-state={state}>
      <button type="button" class="picture-button" onClick={() => show(utterance)}>
        <span class="picture-pair">
          <span class="picture-frame">
            {seen && (
              <SmallPicture
                utterance={utterance}
                label={`Spectrogram of ${duration(seconds)} of speech, ${SHOWN[fate]}`}
              />
            )}
          </span>
          <Waveform extremes={utterance.waveform} />
        </span>
        <span class="picture-words">{answer?.text || " "}</span>
        <span class="picture-figures">
          <span>{clock(start)}</span>
          {particulars.map((particular) => (
            <span key={particular}>{particular}</span>
          ))}
        </span>
      </button>
    </li>
  );
}

/** A small copy of a picture: whole ones stay in a browser's memory long after they were seen. */
function SmallPicture({ utterance, label }: { utterance: Utterance; label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drawn, setDrawn] = useState(false);
  useEffect(() => {
    const { current } = canvas;
    const frame = current?.parentElement;
    if (!current || !frame) return;
    let gone = false;
    const draw = async () => {
      const blob = await picture(utterance);
      if (gone || !blob) return;
      current.width = frame.clientWidth * devicePixelRatio;
      current.height = frame.clientHeight * devicePixelRatio;
      const { width, height } = current;
      const small = await createImageBitmap(blob, { resizeWidth: width, resizeHeight: height });
      current.getContext("2d")?.drawImage(small, 0, 0);
      small.close();
      if (!gone) setDrawn(true);
    };
    draw().catch(() => {
      // The large view says what is wrong with it.
    });
    return () => {
      gone = true;
    };
  }, [utterance.id]);
  return <canvas ref={canvas} role="img" aria-label={label} hidden={!drawn} />;
}

/** Returns whether an element has been on the screen. */
function useSeen(element: { current: Element | null }): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        setSeen(true);
        observer.disconnect();
      },
      { rootMargin: "300px" },
    );
    if (element.current) observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return seen;
}

/** Returns an address of an utterance's picture, for as long as the component lives. */
export function usePicture(utterance: Utterance): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    let made: string | null = null;
    let gone = false;
    void picture(utterance).then((blob) => {
      if (gone || !blob) return;
      made = URL.createObjectURL(blob);
      setAddress(made);
    });
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [utterance.id]);
  return address;
}

/** Draws a waveform from its extremes: lowest and highest of every 10 ms, -127 to 127. */
export function Waveform({ extremes }: { extremes: Int8Array }) {
  const frames = extremes.length / 2;
  const columns = Math.min(frames, 400);
  let above = "";
  let below = "";
  for (let column = 0; column < columns; column += 1) {
    const from = Math.floor((column * frames) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * frames) / columns));
    let low = -1;
    let high = 1;
    for (let frame = from; frame < to; frame += 1) {
      low = Math.min(low, extremes[frame * 2]);
      high = Math.max(high, extremes[frame * 2 + 1]);
    }
    above += `L${column} ${128 - high}`;
    below = `L${column} ${128 - low}${below}`;
  }
  return (
    <svg
      class="waveform"
      viewBox={`0 0 ${Math.max(1, columns - 1)} 256`}
      preserveAspectRatio="none"
      role="img"
    >
      <title>Waveform of the sound, which stayed here</title>
      <path d={`M0 128${above}${below}Z`} />
    </svg>
  );
}
