#!/usr/bin/env node
/** Where the command line starts: first the process is made fit for its work, then the command is loaded and run. */
import { startAnew } from './start-anew.ts';

startAnew();
const { runCommand } = await import('./commands.ts');
process.exitCode = await runCommand(process.argv.slice(2));
