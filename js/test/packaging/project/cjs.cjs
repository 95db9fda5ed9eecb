// All three builds and the ring, required.

const wscodec = require("wscodec");
const ring = require("wscodec/ring");
const slim = require("wscodec/slim");
const zlib = require("wscodec/zlib");

import("./report.mjs").then(({ report }) => report({ wscodec, slim, zlib, ring }));
