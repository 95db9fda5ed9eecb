// The subpaths named as arguments, in the runtime that they are for.

import process from "node:process";

for (const name of process.argv.slice(2)) {
  const names = Object.keys(await import(`wscodec/${name}`));
  if (names.length === 0) throw new Error(`wscodec/${name} exports nothing`);
}
