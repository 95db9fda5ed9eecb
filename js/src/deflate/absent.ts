/** The replacement for `module.ts` in builds without permessage-deflate. */

import { misuse } from "../error/errors.ts";

/** Whether the build has it. */
export const available: boolean = false;

function absent(): never {
  throw misuse(
    "NO_DEFLATE",
    "this build is without permessage-deflate: import from wscodec, not wscodec/slim",
  );
}

export class Deflater {
  constructor() {
    absent();
  }
}

export class Engines {
  constructor() {
    absent();
  }
}

export class Inflater {
  constructor() {
    absent();
  }
}

export class SessionDeflate {
  constructor() {
    absent();
  }
}

export {
  absent as compressing,
  absent as deflate_accept,
  absent as deflate_check,
  absent as deflate_observe,
  absent as deflate_offer,
  absent as inflating,
};
