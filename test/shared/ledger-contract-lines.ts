/** What every ledger must do with the line of a source whose dumps are taken in order, and with its budget. */
import { expect, test } from 'vitest';
import { type Budget, EMPTY_BUDGET } from '../../shared/budget.ts';
import { EMPTY_LINE, type Line } from '../../shared/ledger.ts';
import type { LedgerUnderTest } from './ledger-contract.ts';

let sources = 0;

/** Another one each time, so that tests may share a ledger. */
function newSource(): string {
  sources += 1;
  return `source-${sources}`;
}

const LINE: Line = {
  changedAt: 100,
  open: {
    id: 'a',
    dumpId: 'a',
    key: 'days/01 Zürich 😀',
    openedAt: 90,
    isRead: true,
    progress: 'run 1',
    progressAt: 95,
  },
  waiting: [{ id: 'b again', key: 'days/02', since: 80, nextAt: 120.5, lapsesAt: 200 }],
};

const BUDGET: Budget = {
  day: '2026-11-22',
  used: 120,
  dumps: { 'a Zürich 😀': { run: 1, segment: 2, sent: 100, grant: 50, paid: 70, at: 1_000.5 } },
  braked: { eventsPerDay: 120, until: 2_000 },
};

export function testLines(open: () => LedgerUnderTest): void {
  test('a line is empty at first, and then what was saved last', async () => {
    const { ledger } = open();
    const [source, other] = [newSource(), newSource()];
    const first = await ledger.line(source);
    expect(first.line).toEqual(EMPTY_LINE);
    expect(await ledger.saveLine(source, LINE, first.rev)).toBe(true);
    const second = await ledger.line(source);
    expect(second.line).toEqual(LINE);
    expect(await ledger.saveLine(source, { changedAt: 101, waiting: [] }, second.rev)).toBe(true);
    expect((await ledger.line(source)).line).toEqual({ changedAt: 101, waiting: [] });
    expect((await ledger.line(other)).line).toEqual(EMPTY_LINE);
  });

  test('of many who change a line at once exactly one does, be it empty or not', async () => {
    const { ledger } = open();
    const source = newSource();
    for (const round of [0, 1]) {
      const { rev } = await ledger.line(source);
      const lines = [1, 2, 3, 4, 5].map((n) => ({ ...LINE, changedAt: 10 * round + n }));
      const answers = await Promise.all(lines.map((line) => ledger.saveLine(source, line, rev)));
      expect(answers.filter((isSaved) => isSaved)).toHaveLength(1);
      expect((await ledger.line(source)).line).toEqual(lines[answers.indexOf(true)]);
    }
  });

  test('a budget is empty at first, and then what was saved last; the line of its source stays as it is', async () => {
    const { ledger } = open();
    const [source, other] = [newSource(), newSource()];
    await ledger.saveLine(source, LINE, (await ledger.line(source)).rev);
    const first = await ledger.budget(source);
    expect(first.budget).toEqual(EMPTY_BUDGET);
    expect(await ledger.saveBudget(source, BUDGET, first.rev)).toBe(true);
    expect((await ledger.budget(source)).budget).toEqual(BUDGET);
    expect((await ledger.line(source)).line).toEqual(LINE);
    expect((await ledger.budget(other)).budget).toEqual(EMPTY_BUDGET);
  });

  test('of many who change a budget at once exactly one does, be it empty or not', async () => {
    const { ledger } = open();
    const source = newSource();
    for (const round of [0, 1]) {
      const { rev } = await ledger.budget(source);
      const budgets = [1, 2, 3, 4, 5].map((n) => ({ ...BUDGET, used: 10 * round + n }));
      const answers = await Promise.all(budgets.map((budget) => ledger.saveBudget(source, budget, rev)));
      expect(answers.filter((isSaved) => isSaved)).toHaveLength(1);
      expect((await ledger.budget(source)).budget).toEqual(budgets[answers.indexOf(true)]);
    }
  });

  test('a line of a newer version is refused with what to do', async () => {
    const { ledger, makeLineNewer } = open();
    const source = newSource();
    await ledger.saveLine(source, LINE, (await ledger.line(source)).rev);
    await makeLineNewer(source);
    await expect(ledger.line(source)).rejects.toThrow(
      'has version 2; this code reads versions up to 1: deploy a newer',
    );
  });
}
