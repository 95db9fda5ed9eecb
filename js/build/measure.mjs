// Sizes of what a user downloads.

import { brotliCompressSync, constants, gzipSync } from "node:zlib";

/** The bytes of a file: raw, and compressed as servers of packages and pages do. */
export const measure = (bytes) => ({
  raw: bytes.length,
  gzip: gzipSync(bytes, { level: 9 }).length,
  brotli: brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  }).length,
});

/** One line for people. */
export const line = (name, { raw, gzip, brotli }) =>
  `${name.padEnd(12)} ${raw} bytes, gzip -9 ${gzip}, brotli -q 11 ${brotli}`;

/** The budgets that are exceeded, each as a sentence. */
export const exceeded = (sizes, budgets) =>
  Object.entries(budgets).flatMap(([name, budget]) =>
    Object.entries(budget)
      .filter(([measure, most]) => sizes[name]?.[measure] > most)
      .map(([measure, most]) =>
        `${name} has ${sizes[name][measure]} bytes (${measure}), and its budget is ${most}`,
      ),
  );
