// `node:test` by Bun's own test runner, as far as the tests use it: Bun 1.2.0, the lowest version
// that is supported, has no `node:test`.

import { afterAll, afterEach, beforeAll, describe as group, test as bunTest } from "bun:test";

export { afterAll as after, afterEach, beforeAll as before };

export function describe(name, options, run = options) {
  (options.skip ? group.skip : group)(name, run);
}

export function test(name, options, run = options) {
  const { skip, timeout } = options;
  const context = { skip: (why) => console.log(`${name}: skipped, ${why}`) };
  // Bun waits for a callback if the function has a parameter.
  (skip ? bunTest.skip : bunTest)(name, async () => void (await run(context)), timeout);
}
