import { cloudflareTest } from "@cloudflare/vitest-pool-workers";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [
    cloudflareTest(({ inject }) => ({
      wrangler: { configPath: "./wrangler.jsonc" },
      miniflare: {
        bindings: {
          BACKEND: inject("backend"),
          BACKEND_TOKEN: "token-of-the-gateway",
          TOKEN_SECRET: "secret-of-the-tests",
        },
        // The tests must not depend on the network.
        cf: false,
      },
    })),
  ],
  test: { globalSetup: ["./test/backend.js"], testTimeout: 30_000 },
});
