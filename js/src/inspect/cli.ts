#!/usr/bin/env node
/** The package's command. */

import { command } from "./command.ts";

process.exit(await command(process.argv.slice(2)));
