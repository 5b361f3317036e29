/** `simulate`: Amplitude's upload APIs on this machine, until Ctrl-C. */
import { once } from 'node:events';
import { startSimulator } from '../local/simulator.ts';
import { type Command, EXIT, readArgs, readNumber } from './usage.ts';

const HELP = `s3-to-amplitude simulate: Amplitude's Batch and HTTP V2 APIs on loopback, with their real limits

Usage
  s3-to-amplitude simulate [--port <port>] [--store <file>]

Options
  --port <port>   port to listen on (default: 8080)
  --store <file>  keep what it stored in this SQLite file (default: in memory)

GET / answers what it has stored so far; GET /events lists it. An API key that contains "wrong" is refused.

Examples
  s3-to-amplitude simulate --port 8080
  s3-to-amplitude import --endpoint http://127.0.0.1:8080 dump.ndjson.gz`;

export const simulateCommand: Command = {
  help: HELP,
  async run(args) {
    const { values } = readArgs('simulate', args, { port: { type: 'string' }, store: { type: 'string' } });
    const port = readNumber('port', values.port, 0, 65_535) ?? 8080;
    const simulator = await startSimulator({ port, ...(values.store !== undefined && { store: values.store }) });
    console.log(simulator.url);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    await simulator.close();
    return EXIT.fine;
  },
};
