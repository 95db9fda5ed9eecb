// One build, as an application takes it; and a second one, loaded when it is wanted.

import * as wscodec from "wscodec";

import { report } from "./report.mjs";

import("wscodec/slim").then((slim) => report({ wscodec, slim }));
