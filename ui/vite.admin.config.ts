import { resolve } from "node:path";
import { defineConfig } from "vite";
import { writtenInDocs } from "./written.ts";

const room = import.meta.dirname;

/** The administrators' pages, built beside the page: shared parts would make its first load more. */
export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    target: "es2023",
    assetsInlineLimit: 0,
    emptyOutDir: false,
    rolldownOptions: {
      input: {
        admin: resolve(room, "admin.html"),
        operations: resolve(room, "operations.html"),
      },
    },
  },
  plugins: [writtenInDocs()],
});
