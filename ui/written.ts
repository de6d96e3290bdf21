/** Puts pages of docs/ into HTML, where `<!-- docs/NAME.md -->` stands: they are written once. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Marked } from "marked";
import type { Plugin } from "vite";

const ROOT = resolve(import.meta.dirname, "..");
const PLACE = /<!-- (docs\/[\w-]+\.md) -->/;

const markdown = new Marked({
  renderer: {
    /** Headings have the names by which others lead to them, as on GitHub. */
    heading({ tokens, depth, text }) {
      return `<h${depth} id="${slug(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
    },
    /** What leads to files that are not here is text. */
    link({ href, tokens }) {
      const text = this.parser.parseInline(tokens);
      return /^(https:|#)/.test(href) ? `<a href="${href}">${text}</a>` : text;
    },
    /** Drawings lie beside the page that shows them, and Vite puts them among the page's files. */
    image({ href, text }) {
      return `<img src="../docs/${href}" alt="${text}" />`;
    },
  },
});

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

/** Vite's plugin that does so. */
export function writtenInDocs(): Plugin {
  return {
    name: "written-in-docs",
    transformIndexHtml: {
      order: "pre",
      handler(html) {
        return html.replace(PLACE, (_, path: string) =>
          markdown.parse(readFileSync(resolve(ROOT, path), "utf-8"), { async: false }),
        );
      },
    },
  };
}
