/** Many dumps of the same devices, dropped together and in any order, of a source that wants them one after the other. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { openEngine } from '../../local/engine.ts';
import { virtualClock } from '../../local/virtual-clock.ts';
import { defineImporter } from '../../shared/config.ts';
import { type Dump, dumpId } from '../../shared/dump.ts';
import { describeFile } from '../../shared/embedded/files.ts';
import { openState } from '../../shared/embedded/state.ts';
import { fickleAmplitude } from './fickle-amplitude.ts';
import { startLife } from './life.ts';
import { expectOrder } from './run-scenario.ts';
import { randomFrom } from './scenario.ts';
import { PORTS } from '../lambdas/chunker/making.ts';
import { runs } from '../runs.ts';

const FILES = 20;
const START = Date.UTC(2026, 10, 21);

type Drop = {
  readonly seed: number;
  /** Events of each dump; an empty one, and one that is cut off, are among them. */
  readonly events: number;
  readonly devices: number;
  readonly answerFaults: number;
  /** At which calls of a port the lives end; then one lives on. */
  readonly kills: readonly number[];
};

const drops: fc.Arbitrary<Drop> = fc.record({
  seed: fc.nat(),
  events: fc.integer({ min: 1, max: 60 }),
  devices: fc.integer({ min: 1, max: 8 }),
  answerFaults: fc.constantFrom(0, 0.1, 0.4),
  kills: fc.array(fc.integer({ min: 1, max: 800 }), { maxLength: 3 }),
});

function importerOf(inOrder: boolean) {
  return defineImporter({
    segmentRecords: 25,
    lanes: 5,
    uploaders: 4,
    sources: [{ name: 'days', project: { secret: 'key' }, inOrder, caps: { eventsPerChunk: 9 } }],
  });
}

/** What was stored, in the order it was stored, numbered over all dumps in the order of their names. */
async function importAll({ seed, events, devices, answerFaults, kills }: Drop, inOrder = true) {
  const directory = mkdtempSync(join(tmpdir(), 's3-to-amplitude-in-order-'));
  const random = randomFrom(seed);
  let clock = virtualClock(START);
  const amplitude = fickleAmplitude({ switches: {}, silenced: [], clock: () => clock, random, fired: {} });
  amplitude.setFaults(answerFaults);
  try {
    const dumps: Dump[] = [];
    let count = 0;
    for (let file = 0; file < FILES; file += 1) {
      const lines = Array.from({ length: file === 7 ? 0 : events }, () => {
        const device = `device-${Math.floor(random() * devices)}`;
        return `{"event_type":"Seen","device_id":"${device}","insert_id":"event-${(count += 1)}"}\n`;
      });
      const path = join(directory, `day-${String(file).padStart(2, '0')}.ndjson`);
      writeFileSync(path, lines.join(''));
      dumps.push(await describeFile(path));
    }
    const shuffled = dumps.map((dump) => ({ dump, at: random() })).toSorted((a, b) => a.at - b.at);
    for (let number = 0; ; number += 1) {
      assert.ok(number < 20, 'not settled after 20 lives');
      clock = virtualClock(clock.now() + 1_000);
      const killAt = kills[number];
      const life = startLife({ ...(killAt && { killAt }), killAfterEffect: seed % 2 === 0, failures: 0 }, random, {});
      const state = openState(join(directory, 'state'));
      const engine = openEngine({
        state,
        importer: importerOf(inOrder),
        fingerprint: 'f',
        amplitude: { upload: amplitude.upload },
        apiKey: async () => 'key',
        transforms: PORTS,
        log: () => undefined,
        clock,
        random,
        workers: clock.setSleepers,
        between: life.between,
      });
      const live = async () => {
        for (const { dump } of shuffled)
          await engine.queues.intake.send([{ id: 'drop', body: importMessage({ dump }) }]);
        await engine.run();
        return 'finished';
      };
      const end = await Promise.race([live(), life.over.then(() => 'killed')]);
      const entries =
        end === 'finished' ? await Promise.all(dumps.map((dump) => engine.ledger.entry(dumpId(dump)))) : [];
      state.close();
      if (end === 'killed') continue;
      expect(entries.map((entry) => entry?.state)).toEqual(dumps.map(() => 'closed'));
      const stored = amplitude
        .stored()
        .map(({ insertId, deviceId }) => ({ id: insertId ?? '', device: deviceId ?? '' }));
      expect(stored).toHaveLength(count);
      const dumpOf = (id: string) => Math.ceil(Number(id.slice('event-'.length)) / events);
      return {
        stored,
        dumps: stored.map(({ id }) => dumpOf(id)),
        disturbed: amplitude.disturbed,
        gaps: gapsOf(amplitude.stored().map(({ insertId, receivedAt }) => [dumpOf(insertId ?? ''), receivedAt])),
      };
    }
  } finally {
    amplitude.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Between the last event of a dump and the first of the next, ms. */
function gapsOf(stored: readonly (readonly [dump: number, at: number])[]): number[] {
  const byDump = [...Map.groupBy(stored, ([dump]) => dump)].toSorted(([a], [b]) => a - b);
  const spans = byDump.map(([, all]) => all.map(([, at]) => at));
  return spans.slice(1).map((times, i) => Math.min(...times) - Math.max(...(spans[i] ?? [])));
}

test('one dump is delivered after the other, and so each device’s events in order, whatever Amplitude answers and whatever is killed', async () => {
  await fc.assert(
    fc.asyncProperty(drops, async (drop) => {
      const { stored, dumps, disturbed } = await importAll(drop);
      expectOrder(stored, disturbed);
      if (disturbed.size === 0) expect(dumps).toEqual(dumps.toSorted((a, b) => a - b));
    }),
    { numRuns: runs(5), seed: 20261121 },
  );
}, 120_000);

test('without inOrder they do not', async () => {
  const { stored, disturbed } = await importAll(
    { seed: 1, events: 60, devices: 4, answerFaults: 0.4, kills: [] },
    false,
  );
  expect(() => expectOrder(stored, disturbed)).toThrow('came after');
});

test('the next dump begins within two uploads of the one before', async () => {
  const { gaps } = await importAll({ seed: 1, events: 60, devices: 4, answerFaults: 0, kills: [] });
  expect(Math.max(...gaps)).toBeLessThan(2_000);
});
