// All three builds, required.

const wscodec = require("wscodec");
const slim = require("wscodec/slim");
const zlib = require("wscodec/zlib");

import("./report.mjs").then(({ report }) => report({ wscodec, slim, zlib }));
