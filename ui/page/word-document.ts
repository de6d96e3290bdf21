/** A transcript as a document of a word processor (Office Open XML). */

import { Document, HeadingLevel, Packer, Paragraph, TextRun } from "docx";
import { clock } from "../shared/axes";
import { titleOf } from "../shared/messages";
import type { Take } from "./library";
import { occasion, writtenParagraphs } from "./transcript";

/** Colour of what stands beside the words. */
const SOFT = "5F6B6A";

/** Returns a recording's title, when it was, and its paragraphs with their times. */
export function wordDocument(take: Take): Promise<Blob> {
  const title = titleOf(take.recording);
  const words = writtenParagraphs(take).map(
    ({ start, text }) =>
      new Paragraph({
        spacing: { after: 160 },
        children: [new TextRun({ text: `${clock(start)}\u2002`, color: SOFT }), new TextRun(text)],
      }),
  );
  const document = new Document({
    title,
    creator: "hush",
    sections: [
      {
        children: [
          new Paragraph({ text: title, heading: HeadingLevel.HEADING_1 }),
          new Paragraph({
            spacing: { after: 240 },
            children: [new TextRun({ text: occasion(take), color: SOFT })],
          }),
          ...words,
        ],
      },
    ],
  });
  return Packer.toBlob(document);
}
