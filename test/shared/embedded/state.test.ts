/** A state belongs to one import at a time, survives whatever ends it, and can be looked at meanwhile. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { embeddedQueue } from '../../../shared/embedded/queue.ts';
import { isInUse, openState, type State } from '../../../shared/embedded/state.ts';
import { temporaryDirectory } from '../temporary.ts';

const STATE_MODULE = new URL('../../../shared/embedded/state.ts', import.meta.url).href;
const QUEUE_MODULE = new URL('../../../shared/embedded/queue.ts', import.meta.url).href;

test('whoever only looks sees whether an import is at work, and is not in its way', () => {
  const directory = temporaryDirectory();
  expect(isInUse(directory)).toBe(false);
  const state = openState(directory);
  expect(isInUse(directory)).toBe(true);
  state.close();
  expect(isInUse(directory)).toBe(false);
  openState(directory).close();
});

test('a second import is told which directory is in use', () => {
  const directory = temporaryDirectory();
  const state = open(directory);
  expect(() => openState(directory)).toThrow(
    `${directory} is in use by another import; wait for it or choose another --state`,
  );
  state.close();
  open(directory).close();
});

test('a killed import leaves no lock, and what it had in flight is receivable at once', async () => {
  const directory = temporaryDirectory();
  const child = await startImport(directory);
  expect(() => openState(directory)).toThrow('is in use');
  child.kill('SIGKILL');
  await once(child, 'exit');
  const queue = embeddedQueue(open(directory).db, 'upload', { fifo: true });
  const received = await queue.receive({ max: 1, visibilityMs: 1_000 });
  expect(received).toMatchObject([{ body: 'in flight', receives: 2 }]);
});

test('a reader sees the state beside the import, and cannot change it', async () => {
  const directory = temporaryDirectory();
  const queue = embeddedQueue(open(directory).db, 'upload', { fifo: true });
  const reader = openState(directory, { readOnly: true });
  const view = embeddedQueue(reader.db, 'upload', { fifo: true });
  await queue.send([{ id: 'a', body: 'a', group: 'g' }]);
  expect(await view.size()).toEqual({ visible: 1, hidden: 0 });
  await expect(view.send([{ id: 'b', body: 'b', group: 'g' }])).rejects.toThrow('readonly');
  reader.close();
});

test('a reader of a closed state needs no import', async () => {
  const directory = temporaryDirectory();
  open(directory).close();
  const reader = openState(directory, { readOnly: true });
  expect(await embeddedQueue(reader.db, 'upload', { fifo: true }).size()).toEqual({ visible: 0, hidden: 0 });
  reader.close();
});

test('looking at a state that does not exist says so, and makes none', () => {
  const directory = join(temporaryDirectory(), 'none');
  expect(() => openState(directory, { readOnly: true })).toThrow(`no state in ${directory}`);
  expect(() => openState(directory, { readOnly: true })).toThrow(`no state in ${directory}`);
});

test('the state of a newer release is left alone', () => {
  const directory = temporaryDirectory();
  open(directory).close();
  const db = new DatabaseSync(join(directory, 'state.sqlite'));
  db.exec('PRAGMA user_version = 99');
  db.close();
  for (const readOnly of [true, false]) {
    expect(() => openState(directory, { readOnly })).toThrow(/has version 99, made by a newer release/);
  }
  expect(() => openState(directory)).toThrow(/newer release/); // and not "in use": the lock is freed
});

test('a file that is no database is named', () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, 'state.sqlite'), 'this is somebody’s shopping list and no database');
  expect(() => openState(directory)).toThrow(`cannot open the state in ${directory}`);
});

function open(directory: string): State {
  const state = openState(directory);
  onTestFinished(state.close);
  return state;
}

/** Another process that opens the state, receives one of its two messages, and stays. */
async function startImport(directory: string): Promise<ChildProcess> {
  const script = `
    const { openState } = await import(${JSON.stringify(STATE_MODULE)});
    const { embeddedQueue } = await import(${JSON.stringify(QUEUE_MODULE)});
    const queue = embeddedQueue(openState(${JSON.stringify(directory)}).db, 'upload', { fifo: true });
    await queue.send(['in flight', 'behind it'].map((body) => ({ id: body, body, group: 'g' })));
    await queue.receive({ max: 1, visibilityMs: 3_600_000 });
    gc(); // a lock that only its state refers to would be collected, and with it freed
    console.log('received');
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}
