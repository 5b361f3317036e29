/** What is deployed, top to bottom as the data flows: landing bucket, intake queue, chunker, upload queue, uploader, parked queue. */
import { accessSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { ArnFormat, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { INTAKE_MAX_RECEIVES } from '../lambdas/chunker/intake-back-off.ts';
import { READY_FOLDER } from '../lambdas/chunker/ready-segment.ts';
import { PARKED_MAX_TRIES, queueMaxReceives } from '../lambdas/uploader/back-off.ts';
import type { CHUNKER_VARIABLES, UPLOADER_VARIABLES } from '../shared/aws/environment.ts';
import { ledgerTable } from '../shared/aws/ledger-table.ts';
import type { Importer } from '../shared/config.ts';
import { bundledName, filesOf, loadFiles, objectsOf } from '../shared/config-files.ts';
import { secretsOf } from '../shared/enrich-step.ts';
import { MAX_BATCH } from '../shared/queue.ts';
import type { StackOutputs } from '../shared/stack-outputs.ts';
import { projectSecrets } from '../shared/target.ts';
import { type LandingBucket, landingBucket } from './landing-bucket.ts';
import { PrivateBucket } from './private-bucket.ts';
import { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import { Stage } from './stage.ts';

/** The longest that Lambda knows; a dump that takes longer goes on in the next invocation. */
const CHUNKER_TIMEOUT = Duration.minutes(15);
/** An intake message that fails is tried for about a day, and the first of many dumps may wait for others. */
const READY_DAYS = 7;
/** Parked messages that are tried at a time. */
const PARKED_UPLOADERS = 2;
/**
 * The uploader gives a chunk up after its own number of tries, books it as dead and sends it to the dead-letter queue.
 * SQS would move it so many receives later: the safety net for what the uploader never got to book, as it crashed each time.
 */
const PARKED_SPARE_RECEIVES = 50;

type Places = {
  readonly landing: LandingBucket;
  readonly intake: QueueWithDeadLetters;
  readonly upload: QueueWithDeadLetters;
  readonly parked: QueueWithDeadLetters;
  readonly results: Bucket;
  readonly ledger: Table;
};

export class ImporterStack extends Stack {
  /** `folder` is that of importer.config.ts: the paths in it begin there. Throws a ConfigError when a file is missing or wrong. */
  constructor(scope: Construct, id: string, importer: Importer, folder: string) {
    const pathOf = (file: string) => resolve(folder, file);
    // What the function would refuse when it is loaded is refused before it is deployed.
    loadFiles(importer, { read: (file) => readFileSync(pathOf(file)), check: (file) => accessSync(pathOf(file)) });
    super(scope, id, { description: 'Imports event dumps from S3 into Amplitude' });
    const uploaderTimeout = timeoutOf(importer);
    // After a crash a lane waits so long. Shorter, and the chunk is sent again while the first sender is still at it.
    const hidden = Duration.seconds(2 * uploaderTimeout.toSeconds());

    const intake = new QueueWithDeadLetters(this, 'Intake', {
      visibility: CHUNKER_TIMEOUT.plus(Duration.minutes(1)),
      // At the receive before, the chunker itself gives it up.
      maxReceives: INTAKE_MAX_RECEIVES + 1,
    });
    const landing = landingBucket(this, importer, intake.queue);
    const upload = new QueueWithDeadLetters(this, 'Upload', {
      fifo: true,
      visibility: hidden,
      maxReceives: queueMaxReceives(importer.maxTries),
    });
    const parked = new QueueWithDeadLetters(this, 'Parked', {
      visibility: hidden,
      maxReceives: PARKED_MAX_TRIES + PARKED_SPARE_RECEIVES,
    });
    const results = new PrivateBucket(this, 'Results');
    // What was made ready for a dump is of use while it is read.
    results.addLifecycleRule({ prefix: READY_FOLDER, expiration: Duration.days(READY_DAYS) });
    const places = {
      landing,
      intake,
      upload,
      parked,
      results,
      ledger: ledger(this),
    };

    this.addChunker(places, importer, pathOf);
    this.addUploader(places, importer, uploaderTimeout);
    this.addOutputs(places);
  }

  private addChunker(places: Places, importer: Importer, pathOf: (file: string) => string): void {
    const { existingBucket, sources } = importer;
    const { landing, intake, upload, results, ledger } = places;
    const environment: Record<(typeof CHUNKER_VARIABLES)[number], string> = {
      INTAKE_QUEUE_URL: intake.queue.queueUrl,
      UPLOAD_QUEUE_URL: upload.queue.queueUrl,
      LEDGER_TABLE: ledger.tableName,
      RESULTS_BUCKET: results.bucketName,
    };
    const chunker = new Stage(this, 'Chunker', {
      description: 'Reads dumps and makes them into chunks of events',
      memorySize: 1_769, // one whole vCPU: parsing is what takes the time
      timeout: CHUNKER_TIMEOUT,
      environment,
      files: new Map(filesOf(importer).map((file) => [bundledName(file), pathOf(file)])),
      // A dump that waits for its turn looks every few minutes, and its message is a new one each time.
      sendsToItself: sources.some(({ inOrder }) => inOrder),
    });
    chunker.takes(intake.queue, importer.chunkers);
    // Our own bucket keeps no versions.
    const versions = existingBucket === undefined ? [] : ['s3:GetObjectVersion'];
    chunker.mayDo(['s3:GetObject', ...versions], landing.arnForObjects('*'));
    // Without it S3 says 403 instead of 404 of a dump that is gone, which would be tried for a day instead of given up.
    chunker.mayDo(['s3:ListBucket'], landing.bucketArn);
    const references = objectsOf(importer).map(({ bucket, key }) => {
      return this.formatArn({ service: 's3', region: '', account: '', resource: bucket, resourceName: literally(key) });
    });
    if (references.length > 0) chunker.mayDo(['s3:GetObject'], ...references);
    // To itself it sends dumps that wait for their turn, and parts of huge ones.
    chunker.mayDo(['sqs:SendMessage'], upload.queue.queueArn, intake.queue.queueArn);
    chunker.mayDo(['s3:GetObject', 's3:PutObject'], results.arnForObjects(`${READY_FOLDER}*`));
    // As above: nothing ready is a 404.
    chunker.mayDo(['s3:ListBucket'], results.bucketArn);
    chunker.mayDo(['dynamodb:PutItem'], ledger.tableArn);
    this.letReadSecrets(
      chunker,
      sources.flatMap(({ enrich }) => secretsOf(enrich ?? [])),
    );
    this.letKeepBooks(chunker, places);
  }

  private addUploader(places: Places, importer: Importer, timeout: Duration): void {
    const { upload, parked, results, ledger } = places;
    const environment: Record<(typeof UPLOADER_VARIABLES)[number], string> = {
      UPLOAD_QUEUE_URL: upload.queue.queueUrl,
      UPLOAD_DLQ_URL: upload.deadLetters.queueUrl,
      PARKED_QUEUE_URL: parked.queue.queueUrl,
      PARKED_DLQ_URL: parked.deadLetters.queueUrl,
      LEDGER_TABLE: ledger.tableName,
      RESULTS_BUCKET: results.bucketName,
    };
    const uploader = new Stage(this, 'Uploader', {
      description: 'Uploads chunks of events to Amplitude and settles them in the ledger',
      memorySize: 512, // it mostly waits; a chunk of the greatest size, taken apart, is about 100 MB
      timeout,
      environment,
      // What is still throttled is parked anew, each time less of it, so that it ends by itself.
      sendsToItself: true,
    });
    // Several at a time, so that the small chunks of a lane that wait together can go out in one request.
    uploader.takes(upload.queue, importer.uploaders, MAX_BATCH);
    uploader.takes(parked.queue, PARKED_UPLOADERS);
    const targets = [parked.queue, upload.deadLetters, parked.deadLetters];
    uploader.mayDo(['sqs:SendMessage'], ...targets.map((queue) => queue.queueArn));
    this.letReadSecrets(uploader, projectSecrets(importer.sources));
    this.letKeepBooks(uploader, places);
  }

  /** Whoever settles the last event of a dump writes its receipt and announces it. */
  private letKeepBooks(stage: Stage, { results, ledger }: Places): void {
    stage.mayDo(['dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:Query'], ledger.tableArn);
    stage.mayDo(['s3:PutObject'], results.arnForObjects('rejects/*'), results.arnForObjects('receipts/*'));
    const bus = this.formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
    stage.mayDo(['events:PutEvents'], bus);
  }

  private letReadSecrets(stage: Stage, names: readonly string[]): void {
    const secrets = new Set(names.map((name) => this.secretArn(name)));
    if (secrets.size > 0) stage.mayDo(['secretsmanager:GetSecretValue'], ...secrets);
  }

  /** Secrets Manager ends a secret's ARN with a dash and six characters of its own. */
  private secretArn(nameOrArn: string): string {
    if (nameOrArn.startsWith('arn:')) return nameOrArn;
    const names = { service: 'secretsmanager', resource: 'secret', resourceName: `${nameOrArn}-??????` };
    return this.formatArn({ ...names, arnFormat: ArnFormat.COLON_RESOURCE_NAME });
  }

  private addOutputs({ landing, intake, upload, parked, results, ledger }: Places): void {
    const outputs: StackOutputs = {
      LandingBucketName: landing.bucketName,
      ResultsBucketName: results.bucketName,
      LedgerTableName: ledger.tableName,
      IntakeQueueUrl: intake.queue.queueUrl,
      IntakeDlqUrl: intake.deadLetters.queueUrl,
      UploadQueueUrl: upload.queue.queueUrl,
      UploadDlqUrl: upload.deadLetters.queueUrl,
      ParkedQueueUrl: parked.queue.queueUrl,
      ParkedDlqUrl: parked.deadLetters.queueUrl,
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

/**
 * Time for several requests of the greatest length, as a chunk that is not taken whole is sent in parts; and for the lane's
 * chunks and rests before it (take-lane.ts). 15 minutes are Lambda's most.
 */
function timeoutOf({ requestTimeoutMs }: Importer): Duration {
  return Duration.seconds(Math.min(900, 60 + Math.ceil((5 * requestTimeoutMs) / 1_000)));
}

/** In a policy's resource `*` and `?` stand for anything, and `$` begins a variable: these are the characters themselves. */
function literally(key: string): string {
  return key.replace(/[*?$]/g, (character) => `\${${character}}`);
}

function ledger(scope: Construct): Table {
  const { partitionKey, sortKey, timeToLive } = ledgerTable;
  return new Table(scope, 'Ledger', {
    partitionKey: { name: partitionKey, type: AttributeType.STRING },
    sortKey: { name: sortKey, type: AttributeType.STRING },
    timeToLiveAttribute: timeToLive,
    billingMode: BillingMode.PAY_PER_REQUEST,
    encryption: TableEncryption.DEFAULT,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    removalPolicy: RemovalPolicy.RETAIN,
  });
}
