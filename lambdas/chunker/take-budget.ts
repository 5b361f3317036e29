/** Asks the ledger how many events a dump's next segment may hold, where its source has a budget for the day. */
import type { Budget } from '../../shared/budget.ts';
import type { Source } from '../../shared/config.ts';
import type { Run } from '../../shared/dump.ts';
import type { Ledger } from '../../shared/ledger.ts';
import { endGrants, type Grant, type GrantRequest, grantSegment } from './budget.ts';

type BudgetPorts = { readonly ledger: Pick<Ledger, 'budget' | 'saveBudget'>; now(): number };
type BudgetSource = Pick<Source, 'name' | 'eventsPerDay'>;

/** Each try that fails means that another reader's grant went through. */
const MAX_TRIES = 20;

/** Undefined for a source without a budget. The grant is booked when this resolves. */
export async function takeBudget(
  request: GrantRequest,
  { name, eventsPerDay }: BudgetSource,
  { ledger, now }: BudgetPorts,
): Promise<Grant | undefined> {
  if (eventsPerDay === undefined) return undefined;
  return changeBudget(name, ledger, (budget) => grantSegment(budget, request, { eventsPerDay, now: now() }));
}

/** The dump is read to its end, or was before: what it did not need is there for others. */
export async function endBudget(
  run: Run,
  made: number | undefined,
  { name, eventsPerDay }: BudgetSource,
  { ledger, now }: BudgetPorts,
): Promise<void> {
  if (eventsPerDay === undefined) return;
  await changeBudget(name, ledger, (budget) => ({ budget: endGrants(budget, run, made, now()), grant: undefined }));
}

async function changeBudget<T>(
  source: string,
  ledger: BudgetPorts['ledger'],
  change: (budget: Budget) => { readonly budget: Budget; readonly grant: T },
): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const { budget: found, rev } = await ledger.budget(source);
    const { budget, grant } = change(found);
    const isSame = JSON.stringify(budget) === JSON.stringify(found);
    if (isSame || (await ledger.saveBudget(source, budget, rev))) return grant;
  }
  throw new Error(
    `the budget of source ${source} is changed by many at once: lost ${MAX_TRIES} times; try again later`,
  );
}
