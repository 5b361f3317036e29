/** A few of something that is costly to make, used again and again, each by one at a time. */

/** `use` has one of at most `most` to itself; whoever comes when all are in use waits. One whose use failed is not used again. */
export function fewOf<Thing>(
  most: number,
  open: () => Thing,
): <Result>(use: (thing: Thing) => Promise<Result>) => Promise<Result> {
  type Place = { thing: Thing };
  const idle: Place[] = [];
  const waiting: ((place: Place) => void)[] = [];
  let opened = 0;

  function openOrWait(): Place | Promise<Place> {
    if (opened === most) return new Promise((resolve) => waiting.push(resolve));
    opened += 1;
    return { thing: open() };
  }

  return async (use) => {
    const place = idle.pop() ?? (await openOrWait());
    try {
      return await use(place.thing);
    } catch (error) {
      place.thing = open();
      throw error;
    } finally {
      const next = waiting.shift();
      if (next) next(place);
      else idle.push(place);
    }
  };
}
