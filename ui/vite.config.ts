import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { marked } from "marked";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const room = import.meta.dirname;

/** Puts the text of docs/privacy.md into privacy.html, so that it is written once. */
function privacyText(): Plugin {
  return {
    name: "privacy-text",
    transformIndexHtml(html) {
      const markdown = readFileSync(resolve(room, "../docs/privacy.md"), "utf-8");
      return html.replace("<!-- docs/privacy.md -->", () =>
        marked.parse(markdown, { async: false }),
      );
    },
  };
}

/** The service's headers (COOP, COEP, CSP, …), without the one that would keep HTTP away. */
const headers: Record<string, string> = JSON.parse(
  readFileSync(resolve(room, "headers.json"), "utf-8"),
);

const service = process.env.HUSH_URL ?? "http://localhost:1337";

export default defineConfig({
  base: "./",
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    rolldownOptions: { input: [resolve(room, "index.html"), resolve(room, "privacy.html")] },
  },
  worker: { format: "es" },
  plugins: [privacyText()],
  preview: { headers },
  // Only what hangs takes so long, however busy the machine is.
  test: { testTimeout: 600_000, hookTimeout: 600_000 },
  server: { proxy: { "/v1": service, "/status": service } },
});
