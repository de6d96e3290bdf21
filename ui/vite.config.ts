import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";
import { writtenInDocs } from "./written.ts";

const room = import.meta.dirname;

const SERVICE_WORKER = "sw.js";

/** Tells the service worker which files the page has. */
function keptPage(): Plugin {
  return {
    name: "kept-page",
    apply: "build",
    writeBundle({ dir }) {
      const folder = dir ?? resolve(room, "dist");
      const paths = readdirSync(folder, { recursive: true, encoding: "utf-8" })
        .map((path) => resolve(folder, path))
        .filter((path) => statSync(path).isFile() && relative(folder, path) !== SERVICE_WORKER)
        .sort();
      const files = paths.map((path) => {
        const digest = createHash("sha256").update(readFileSync(path)).digest("base64");
        return [relative(folder, path).replaceAll("\\", "/"), `sha256-${digest}`];
      });
      const version = createHash("sha256").update(JSON.stringify(files)).digest("hex");
      const script = resolve(folder, SERVICE_WORKER);
      const known = `const FILES=${JSON.stringify(Object.fromEntries(files))},VERSION="${version}";`;
      writeFileSync(script, `${known}\n${readFileSync(script, "utf-8")}`);
    },
  };
}

/** The headers of the page, which it has from the service everywhere else. */
const headers: Record<string, string> = json("headers.json");

/** The same, but that Vite puts styles into the page as elements while they are written. */
const developmentHeaders = {
  ...headers,
  "Content-Security-Policy": headers["Content-Security-Policy"].replace(
    "style-src 'self'",
    "style-src 'self' 'unsafe-inline'",
  ),
};

/** What the service answers, at HUSH_URL or where `hush serve` is; an asterisk is all below. */
const service = process.env.HUSH_URL ?? "http://localhost:1337";
const proxy = Object.fromEntries(
  json<string[]>("service-paths.json").map((path) => [
    `^${path.replace(/[.]/g, "\\.").replace("*", ".*")}(\\?.*)?$`,
    // The service refuses what another page asks: to it, this page is its own.
    { target: service, changeOrigin: true, headers: { Origin: new URL(service).origin } },
  ]),
);

/** The digests of what runs models, which goes with the library that is built into the page. */
function runtimeDigests(): Record<string, string> {
  const folder = resolve(room, "node_modules/onnxruntime-web/dist");
  const digest = (name: string) =>
    createHash("sha256")
      .update(readFileSync(resolve(folder, name)))
      .digest("hex");
  return {
    wasm: digest("ort-wasm-simd-threaded.wasm"),
    webgpu: digest("ort-wasm-simd-threaded.asyncify.wasm"),
  };
}

function json<Content>(name: string): Content {
  return JSON.parse(readFileSync(resolve(room, name), "utf-8"));
}

export default defineConfig({
  base: "./",
  define: { RUNTIME_DIGESTS: JSON.stringify(runtimeDigests()) },
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        index: resolve(room, "index.html"),
        privacy: resolve(room, "privacy.html"),
        [SERVICE_WORKER]: resolve(room, "service-worker/kept-page.ts"),
      },
      output: {
        // It is found again by its name, and answers for what is beside and below it.
        entryFileNames: ({ name }) =>
          name === SERVICE_WORKER ? SERVICE_WORKER : "assets/[name]-[hash].js",
      },
    },
  },
  // The runtime of models is fetched when somebody wants one; else it would be in every build.
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  worker: { format: "es" },
  plugins: [writtenInDocs(), keptPage()],
  preview: { headers, proxy },
  server: {
    headers: developmentHeaders,
    proxy,
    // What the library has learnt too.
    fs: { allow: [room, resolve(room, "../hush/voice_network.json")] },
  },
  optimizeDeps: {
    // All that workers import too, found at once: what is found later has the page load anew.
    entries: [
      "index.html",
      "page/*.tsx",
      "admin/*.ts*",
      "worker/*.ts",
      "worklet/*.ts",
      "chain/*.ts",
    ],
    // It finds its WASM beside itself.
    exclude: ["@jsquash/webp"],
  },
});
