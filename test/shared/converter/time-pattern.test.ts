/** Times in Java's pattern letters: what is read, what is not a time, and what is refused as a pattern. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isoTimeIn } from '../../../shared/converter/instant.ts';
import { compileTimePattern } from '../../../shared/converter/time-pattern.ts';
import { runs } from '../../runs.ts';

function read(pattern: string, text: string): string | undefined {
  const timeIn = compileTimePattern(pattern);
  if (typeof timeIn === 'object') throw new Error(timeIn.mistake);
  const ms = timeIn(text);
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

test.each([
  ['M/d/yyyy H:mm:ss', '1/1/2021 5:06:07', '2021-01-01T05:06:07.000Z'],
  ['MM/dd/yyyy HH:mm:ss', '12/31/2021 23:59:59', '2021-12-31T23:59:59.000Z'],
  ['MM/dd/yyyy', '1/2/2021', '2021-01-02T00:00:00.000Z'],
  ['YYYY-MM-dd', '2021-12-31', '2021-12-31T00:00:00.000Z'],
  ['uuuu-LL-dd', '2021-12-31', '2021-12-31T00:00:00.000Z'],
  ['dd.MM.yy', '01.02.99', '2099-02-01T00:00:00.000Z'],
  ['yyyyMMddHHmmssSSS', '20210101050607089', '2021-01-01T05:06:07.089Z'],
  ['yyyyMMdd', '20210102', '2021-01-02T00:00:00.000Z'],
  ['yyyy-DDD', '2024-366', '2024-12-31T00:00:00.000Z'],
  ['yyyy', '2021', '2021-01-01T00:00:00.000Z'],
  ['d MMM yyyy', '3 sept 2021', '2021-09-03T00:00:00.000Z'],
  ['MMMM d, yyyy', 'September 3, 2021', '2021-09-03T00:00:00.000Z'],
  ['EEE, dd MMM yyyy HH:mm:ss z', 'Fri, 20 Nov 2026 08:00:00 GMT', '2026-11-20T08:00:00.000Z'],
  ['EEEE dd MMM yyyy', 'Friday 20 Nov 2026', '2026-11-20T00:00:00.000Z'],
  ['dd/MMM/yyyy:HH:mm:ss Z', '10/Oct/2000:13:55:36 -0700', '2000-10-10T20:55:36.000Z'],
  ["yyyy-MM-dd'T'HH:mm:ss.SSSXXX", '2026-11-20T08:00:00.500+01:00', '2026-11-20T07:00:00.500Z'],
  ["yyyy-MM-dd'T'HH:mm:ss.SSSSSSX", '2026-11-20T08:00:00.123456Z', '2026-11-20T08:00:00.123Z'],
  ["yyyy-MM-dd 'o''clock' HH", "2026-11-20 o'clock 08", '2026-11-20T08:00:00.000Z'],
  ["yyyy''MM", "2026'11", '2026-11-01T00:00:00.000Z'],
  ['yyyy-MM-dd h:mm a', '2026-11-20 12:30 am', '2026-11-20T00:30:00.000Z'],
  ['yyyy-MM-dd h:mm a', '2026-11-20 12:30 PM', '2026-11-20T12:30:00.000Z'],
  ['yyyy-MM-dd K:mm a', '2026-11-20 0:30 PM', '2026-11-20T12:30:00.000Z'],
  ['yyyy-MM-dd kk:mm', '2026-11-20 24:30', '2026-11-20T00:30:00.000Z'],
  ['yyyy-MM-dd HH:mm z', '2026-11-20 08:00 PDT', '2026-11-20T15:00:00.000Z'],
  ['yyyy-MM-dd HH:mm z', '2026-11-20 08:00 GMT+05:30', '2026-11-20T02:30:00.000Z'],
  ['yyyy-MM-dd HH:mm VV', '2026-07-20 08:00 Europe/Berlin', '2026-07-20T06:00:00.000Z'],
  ['yyyy-MM-dd HH:mm ZZZ', '2026-12-20 08:00 Europe/Berlin', '2026-12-20T07:00:00.000Z'],
  ['yyyy-MM-dd HH:mm VV', '2026-12-20 08:00 Asia/Kolkata', '2026-12-20T02:30:00.000Z'],
  ['yyyy-MM-dd HH:mm z', '2026-12-20 08:00 UTC', '2026-12-20T08:00:00.000Z'],
])('%s reads %s', (pattern, text, expected) => {
  expect(read(pattern, text)).toBe(expected);
});

test.each([
  ['in the hour that is left out in spring', '2026-03-29 02:30', '2026-03-29T01:30:00.000Z'],
  ['the hour after it', '2026-03-29 03:30', '2026-03-29T01:30:00.000Z'],
  ['the hour before it', '2026-03-29 01:30', '2026-03-29T00:30:00.000Z'],
  ['in the hour that comes twice in autumn, the first', '2026-10-25 02:30', '2026-10-25T00:30:00.000Z'],
  ['the hour after it', '2026-10-25 03:30', '2026-10-25T02:30:00.000Z'],
  ['half a day after the change', '2026-10-25 14:00', '2026-10-25T13:00:00.000Z'],
  ['half a day before the change', '2026-10-24 14:00', '2026-10-24T12:00:00.000Z'],
])('the clock in Berlin, %s', (_when, text, expected) => {
  expect(read('yyyy-MM-dd HH:mm VV', `${text} Europe/Berlin`)).toBe(expected);
});

test.each([
  ['M/d/yyyy', '2/30/2021'],
  ['M/d/yyyy', '13/1/2021'],
  ['M/d/yyyy', '1/1/21'],
  ['M/d/yyyy', '1/1/2021 and more'],
  ['yyyy-MM-dd HH:mm', '2021-01-01 24:00'],
  ['yyyy-MM-dd HH:mm', '2021-01-01 23:60'],
  ['yyyy-MM-dd h:mm a', '2021-01-01 13:00 PM'],
  ['yyyy-MM-dd kk', '2021-01-01 00'],
  ['yyyy-DDD', '2021-366'],
  ['yyyy-DDD', '2021-0'],
  ['yyyy-MM-dd', '0001-01-01'],
  ['d MMM yyyy', '1 Foo 2021'],
  ['yyyy-MM-dd z', '2021-01-01 Middle/Earth'],
  ['yyyy-MM-dd z', '2021-01-01 +99'],
  ['yyyyMMdd', '2021101'],
])('%s does not read %s', (pattern, text) => {
  expect(read(pattern, text)).toBeUndefined();
});

test.each([
  ['GGG yyyy', 'the letter "G" is not supported in a time format; quote text: \'G\''],
  ['yyyy-MM-ddTHH', 'the letter "T" is not supported in a time format; quote text: \'T\''],
  ["yyyy 'open", 'the quote in "yyyy \'open" is not closed'],
  ['yyyy[-MM]', '"[" is not supported in a time format; quote it: \'[\''],
  ['HH:mm', 'the time format has no year (y)'],
  ['yyyy-MM-dd hh:mm', '"h" and "K" count half a day and need "a" (AM, PM); 0 to 23 is "H"'],
  ['yyyy-MM-dd HH:mm a', '"a" (AM, PM) needs "h", the hour from 1 to 12'],
  ['yyyy-MM-dd yyyy', 'the time format has its year twice'],
  ['yyyy-MM HH kk', 'the time format has its hour twice'],
  ['yyyy-MM-MMM', 'the time format has its month twice'],
  ['yyyy-MM-DDD', '"D" is the day of the year and cannot stand beside "M" or "d", the day of the month'],
])('%s is refused', (pattern, mistake) => {
  expect(compileTimePattern(pattern)).toEqual({ mistake });
});

test('any text is a pattern or a mistake, and any text in it a time or none', () => {
  const pattern = fc.array(fc.constantFrom(..."yyMMddHmsSaEzZXV-/ :'[T".split(''), 'yyyy', 'MMM'), { maxLength: 8 });
  fc.assert(
    fc.property(
      fc.oneof(
        pattern.map((parts) => parts.join('')),
        fc.string(),
      ),
      fc.string(),
      (text, time) => {
        const timeIn = compileTimePattern(text);
        if (typeof timeIn === 'function') expect(timeIn(time) ?? 0).toSatisfy(Number.isInteger);
        else expect(timeIn.mistake).toBeTypeOf('string');
      },
    ),
    { numRuns: runs(500) },
  );
});

const moment = fc.date({ min: new Date('1000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });

test('what Date writes is read again to the millisecond', () => {
  const timeIn = compileTimePattern("yyyy-MM-dd'T'HH:mm:ss.SSSX");
  fc.assert(
    fc.property(moment, (date) => {
      expect(isoTimeIn(date.toISOString())).toBe(date.getTime());
      expect(typeof timeIn === 'function' && timeIn(date.toISOString())).toBe(date.getTime());
    }),
  );
});

test.each([
  ['2021-01-01', '2021-01-01T00:00:00.000Z'],
  ['2021-01-01 05:06', '2021-01-01T05:06:00.000Z'],
  ['2021-01-01T05:06:07,5Z', '2021-01-01T05:06:07.500Z'],
  ['2021-01-01T05:06:07.123456789-0330', '2021-01-01T08:36:07.123Z'],
  ['2021-01-01 05:06:07 UTC', '2021-01-01T05:06:07.000Z'],
  [' 2021-01-01t05:06:07z ', '2021-01-01T05:06:07.000Z'],
])('%s is an ISO time', (text, expected) => {
  expect(new Date(isoTimeIn(text) ?? Number.NaN).toISOString()).toBe(expected);
});

test.each(['', '2021', '2021-1-1', '2021-13-01', '2021-01-01T25:00', '1645066434189', 'today', '0001-01-01T00:00:00Z'])(
  '%j is no ISO time',
  (text) => {
    expect(isoTimeIn(text)).toBeUndefined();
  },
);
