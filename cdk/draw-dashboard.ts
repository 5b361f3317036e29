/** `npm run dashboard`: draws docs/dashboard.svg anew, from the dashboard's definition and an import on this machine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runEventfulDay } from '../local/eventful-day.ts';
import { drawDashboard } from './dashboard-picture.ts';

writeFileSync(join(import.meta.dirname, '../docs/dashboard.svg'), drawDashboard(await runEventfulDay()));
