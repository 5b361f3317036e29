/** A deployed stack found by its name, as a person with AWS credentials finds it: in another process, with stand-ins for AWS. */
import { expect, onTestFinished, test } from 'vitest';
import { importMessage } from '../../lambdas/chunker/notification.ts';
import { dynamoLedger } from '../../shared/aws/ledger.ts';
import { sqsQueue } from '../../shared/aws/queue.ts';
import { STACK_OUTPUTS } from '../../shared/stack-outputs.ts';
import { startDynalite } from '../dynalite.ts';
import { startFauxqs } from '../fauxqs.ts';
import { DUMP } from '../lambdas/uploader/chunks.ts';
import { startStub } from '../shared/aws/stub-server.ts';
import { haveDump, type TestLook } from './looking.ts';
import { runCli } from './run-cli.ts';

const MISSING = `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>
  <Message>Stack with id Other does not exist</Message></Error></ErrorResponse>`;

function stackXml(outputs: Readonly<Record<string, string>>): string {
  const members = Object.entries(outputs).map(
    ([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
  );
  const stack = `<member><StackName>Mine</StackName><Outputs>${members.join('')}</Outputs></member>`;
  return `<DescribeStacksResponse><DescribeStacksResult><Stacks>${stack}</Stacks></DescribeStacksResult></DescribeStacksResponse>`;
}

test('its dumps, its dead letters and what is not there are told without anything but its name', {
  timeout: 180_000,
}, async () => {
  const [fauxqs, dynalite] = [await startFauxqs(), await startDynalite('ledger-table')];
  onTestFinished(async () => {
    await fauxqs.stop();
    await dynalite.stop();
  });
  await fauxqs.createBucket('results');
  const outputs: Record<string, string> = {};
  for (const name of STACK_OUTPUTS) {
    const isFifo = name.startsWith('Upload');
    outputs[name] = name.endsWith('Url') ? await fauxqs.createQueue(`${name}${isFifo ? '.fifo' : ''}`) : 'results';
  }
  outputs['LedgerTableName'] = dynalite.table;
  const cloudFormation = await startStub((_, response, body) => {
    const isMine = body.includes('StackName=Mine');
    response.writeHead(isMine ? 200 : 400, { 'content-type': 'text/xml' });
    response.end(isMine ? stackXml(outputs) : MISSING);
  });
  const ledger = dynamoLedger(dynalite.client, dynalite.table, { retentionDays: 30 });
  const { run } = await haveDump({ ledger } as TestLook);
  const deadLetters = sqsQueue(fauxqs.sqs, outputs['IntakeDlqUrl'] ?? '', { fifo: false });
  await deadLetters.send([{ id: 'a', body: importMessage({ dump: DUMP }) }]);
  const env = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL_CLOUDFORMATION: cloudFormation,
    AWS_ENDPOINT_URL_DYNAMODB: dynalite.endpoint,
    AWS_ENDPOINT_URL_SQS: fauxqs.endpoint,
    AWS_ENDPOINT_URL_S3: fauxqs.endpoint,
  };
  const [found, dead, other] = await Promise.all([
    runCli(['status', '--stack', 'Mine', '--json'], env),
    runCli(['dlq', '--stack', 'Mine', '--queue', 'upload'], env),
    runCli(['status', '--stack', 'Other'], env),
  ]);
  expect(found).toMatchObject({ code: 1, stderr: '' });
  const dumps = found.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  expect(dumps).toHaveLength(2);
  expect(dumps).toContainEqual(expect.objectContaining({ dumpId: run.dumpId, state: 'complete with rejects' }));
  expect(dumps).toContainEqual(expect.objectContaining({ dump: 's3://landing/days/monday.ndjson', state: 'given up' }));
  expect(dead).toEqual({ code: 0, stdout: 'nothing is dead\n', stderr: '' });
  expect(other).toEqual({
    code: 2,
    stdout: '',
    stderr: `s3-to-amplitude: there is no stack Other in us-east-1 with these credentials; is the region right (set AWS_REGION, or a region in the profile), and the account?\n`,
  });
});
