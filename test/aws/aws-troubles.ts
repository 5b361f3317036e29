/** What goes wrong between the functions and AWS: calls fail before or after they took effect, and their callers die. */
import type { Call } from './aws-call.ts';
import { awsError } from './aws-error.ts';
import type { Detour, FindDetour } from './detour.ts';
import type { DeliveryMishaps } from './event-source.ts';
import type { Odds, Strikes } from './strikes.ts';

type Trouble = {
  readonly name: string;
  /** Among how many of the calls it befalls it strikes. */
  readonly among: number;
  befalls(call: Call): boolean;
  detour(call: Call, killCaller: () => void): Detour;
};

/** How each service says that it failed, and that it is called too often; and among how many calls each of that happens once. */
const SERVICES = {
  s3: { failed: [500, 'InternalError'], throttled: [503, 'SlowDown'], among: 20 },
  sqs: { failed: [500, 'InternalFailure'], throttled: [400, 'RequestThrottled'], among: 25 },
  dynamodb: {
    failed: [500, 'InternalServerError'],
    throttled: [400, 'ProvisionedThroughputExceededException'],
    among: 100,
  },
  secretsmanager: { failed: [500, 'InternalServiceError'], throttled: [400, 'ThrottlingException'], among: 1 },
  events: { failed: [500, 'InternalException'], throttled: [400, 'ThrottlingException'], among: 1 },
} as const;

const SERVICE_TROUBLES = Object.entries(SERVICES).flatMap(([service, { failed, throttled, among }]): Trouble[] => {
  const befalls = (call: Call) => call.service === service;
  const fails = ([status, code]: readonly [number, string]) => awsError(service, status, code, 'injected');
  return [
    { name: `${service} fails`, among, befalls, detour: () => ({ instead: fails(failed) }) },
    { name: `${service} throttles`, among, befalls, detour: () => ({ instead: fails(throttled) }) },
    { name: `${service}: connection reset before the call`, among, befalls, detour: () => ({ breaks: 'before' }) },
    { name: `${service}: answer lost after the call`, among, befalls, detour: () => ({ breaks: 'after' }) },
  ];
});

const STAGES = { chunker: 40, uploader: 150 };

const KILLS = Object.entries(STAGES).flatMap(([stage, among]) =>
  (['before', 'after'] as const).map((breaks): Trouble => {
    const befalls = (call: Call) => call.accessKey.startsWith(stage);
    const detour = (_: Call, killCaller: () => void): Detour => {
      killCaller();
      return { breaks };
    };
    return { name: `${stage} killed ${breaks} a call took effect`, among, befalls, detour };
  }),
);

const PARTIAL: readonly Trouble[] = [
  {
    name: 's3: body breaks off in the middle',
    among: 10,
    befalls: ({ operation }) => operation === 'GetObject',
    detour: () => ({ breaks: 'in the answer' }),
  },
  {
    name: 'sqs answers 200 with Failed[]',
    among: 8,
    befalls: ({ operation }) => operation === 'SendMessageBatch',
    detour: ({ input }) => refuseSome(input['Entries'] as readonly Entry[], input),
  },
  {
    // Nearly always a settlement: the client sends it again by itself.
    name: 'dynamodb: answer lost after an update',
    among: 25,
    befalls: ({ accessKey, operation }) => accessKey.startsWith('uploader') && operation === 'UpdateItem',
    detour: () => ({ breaks: 'after' }),
  },
  {
    name: 'events answers 200 with a failed entry',
    among: 1,
    befalls: ({ operation }) => operation === 'PutEvents',
    detour: () => ({
      instead: { status: 200, body: '{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure"}]}' },
    }),
  },
];

const TROUBLES = [...KILLS, ...PARTIAL, ...SERVICE_TROUBLES];

const RECEIVED_AGAIN = 'message handed out again while its receiver is at it';
const DELETION_LOST = 'message comes again after it was done';

/** `times` each kind may strike, more or less. */
export function awsOdds(times: number): Readonly<Record<string, Odds>> {
  const odds = TROUBLES.map(({ name, among }) => [name, { among, times }] as const);
  return {
    ...Object.fromEntries(odds),
    [RECEIVED_AGAIN]: { among: 12, times: 4 * times },
    [DELETION_LOST]: { among: 30, times },
  };
}

export function awsTroubles(strikes: Strikes): { readonly findDetour: FindDetour; readonly mishaps: DeliveryMishaps } {
  return {
    findDetour: (call, killCaller) =>
      TROUBLES.find(({ name, befalls }) => befalls(call) && strikes(name))?.detour(call, killCaller),
    mishaps: { endsVisibility: () => strikes(RECEIVED_AGAIN), losesDeletion: () => strikes(DELETION_LOST) },
  };
}

type Entry = { readonly Id: string };

/** Every other entry, the first included, is named in `Failed`, and SQS never hears of it. */
function refuseSome(entries: readonly Entry[], input: Call['input']): Detour {
  const taken = entries.filter((_, index) => index % 2 === 1);
  const failure = { SenderFault: false, Code: 'InternalError', Message: 'injected' };
  const Failed = entries.filter((_, index) => index % 2 === 0).map(({ Id }) => ({ Id, ...failure }));
  if (taken.length === 0) return { instead: { status: 200, body: JSON.stringify({ Successful: [], Failed }) } };
  const rewrite = (body: string) => JSON.stringify({ ...(JSON.parse(body) as object), Failed });
  return { input: { ...input, Entries: taken }, rewrite };
}
