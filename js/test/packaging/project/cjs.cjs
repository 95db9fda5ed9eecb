// All builds, the ring and the inspector, required.

const wscodec = require("wscodec");
const inspect = require("wscodec/inspect");
const ring = require("wscodec/ring");
const shared = require("wscodec/shared");
const slim = require("wscodec/slim");
const zlib = require("wscodec/zlib");

import("./report.mjs").then(({ report }) => report({ wscodec, slim, zlib, shared, ring, inspect }));
