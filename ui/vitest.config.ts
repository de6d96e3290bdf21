import { defineConfig, mergeConfig } from "vitest/config";
import page from "./vite.config";

// Only what hangs takes so long, however busy the machine is.
const tests = { testTimeout: 600_000, hookTimeout: 600_000 };

export default mergeConfig(page, defineConfig({ test: tests }));
