#!/usr/bin/env node
/** Where the command line starts: first the process is made lean, then the command is loaded and run. */
import { becomeLean } from './lean-process.ts';

becomeLean();
const { runCommand } = await import('./commands.ts');
process.exitCode = await runCommand(process.argv.slice(2));
