/** Invariant 1, to be looked at whenever anybody likes: the books close. */
import assert from 'node:assert/strict';
import type { Books } from '../../shared/books.ts';

/** Throws what does not add up. */
export function expectClosed(books: Books): void {
  const { read, filtered, unusable, mapped, events, delivered, refused, parked, dead, inFlight } = books;
  assert.equal(read, filtered + unusable + mapped, 'the records close');
  assert.equal(events, delivered + refused + parked + dead + inFlight, 'the events close');
  for (const [name, count_] of Object.entries({ delivered, refused, parked, dead, inFlight })) {
    assert.ok(count_ >= 0, `${name} is ${count_}`);
  }
}
