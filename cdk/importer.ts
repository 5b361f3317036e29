/** The importer as a construct, top to bottom as the data flows: landing bucket, intake queue, chunker, upload queue, uploader, parked queue; and the watcher beside it. */
import { accessSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Duration, Names, Stack, Tags } from 'aws-cdk-lib';
import type { ISecurityGroup, IVpc, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { INTAKE_MAX_RECEIVES } from '../lambdas/chunker/intake-back-off.ts';
import { READY_FOLDER } from '../lambdas/chunker/ready-segment.ts';
import { PARKED_MAX_TRIES, queueMaxReceives } from '../lambdas/uploader/back-off.ts';
import { WATCH_STATE_KEY } from '../lambdas/watcher/watch-state-key.ts';
import type { CHUNKER_VARIABLES, UPLOADER_VARIABLES, WATCHER_VARIABLES } from '../shared/aws/environment.ts';
import { dumpIndex } from '../shared/aws/ledger-table.ts';
import type { Importer as Config } from '../shared/config.ts';
import { bundledName, filesOf, loadFiles, objectsOf } from '../shared/config-files.ts';
import { secretsOf } from '../shared/enrich-step.ts';
import { MAX_BATCH } from '../shared/queue.ts';
import type { StackOutputs } from '../shared/stack-outputs.ts';
import { projectSecrets } from '../shared/target.ts';
import { uploadSettings } from '../shared/upload-settings.ts';
import { Alarms } from './alarms.ts';
import { ImporterDashboard } from './dashboard.ts';
import { letServicesUse } from './encryption-key.ts';
import { type LandingBucket, landingBucket } from './landing-bucket.ts';
import { LedgerTable } from './ledger-table.ts';
import { PrivateBucket } from './private-bucket.ts';
import { QueueWithDeadLetters } from './queue-with-dead-letters.ts';
import { Stage, type StageProps } from './stage.ts';

export type ImporterProps = {
  /** What importer.config.ts exports. */
  readonly config: Config;
  /** Absolute path of that file: the functions are bundled with it, and the paths in it begin in its folder. */
  readonly configFile: string;
  /**
   * What the names of queues and dashboard begin with, and the value of the metrics' dimension `stack`; at most 60 letters,
   * digits and dashes. Each importer of an account and region needs its own.
   * @default made from the construct's path
   */
  readonly namesPrefix?: string;
  /**
   * Key of yours that encrypts buckets, queues and ledger. One that is made in the same app is told that S3 and EventBridge
   * may use it; for any other key see docs/deploy.md.
   * @default keys of AWS's own
   */
  readonly encryptionKey?: IKey;
  /**
   * Network of the functions. It must let them reach Amplitude and the AWS APIs.
   * @default none
   */
  readonly network?: {
    readonly vpc: IVpc;
    readonly vpcSubnets?: SubnetSelection;
    readonly securityGroups?: ISecurityGroup[];
  };
  /**
   * Topic that hears of every alarm, and of its end.
   * @default alarms ring nowhere, and are seen on the dashboard
   */
  readonly alarmTopic?: ITopic;
};

/** The longest that Lambda knows; a dump that takes longer goes on in the next invocation. */
const CHUNKER_TIMEOUT = Duration.minutes(15);
/** A dump may wait for others, and one that fails is tried for about a day. */
const READY_DAYS = 7;
/** So late at most is it seen that a daily file is not in; its runs cost about a cent a month, see docs/expect.md. */
const WATCH_INTERVAL = Duration.minutes(15);
/** Parked messages that are tried at a time. */
const PARKED_UPLOADERS = 2;
/**
 * The uploader gives a chunk up after its own number of tries, books it as dead and sends it to the dead-letter queue.
 * SQS would move it so many receives later: the safety net for what the uploader never got to book, as it crashed each time.
 */
const PARKED_SPARE_RECEIVES = 50;

type Places = {
  readonly landing: LandingBucket['bucket'];
  readonly intake: QueueWithDeadLetters;
  readonly upload: QueueWithDeadLetters;
  readonly parked: QueueWithDeadLetters;
  readonly results: Bucket;
  readonly ledger: LedgerTable;
};

export class Importer extends Construct {
  /** Where the command line finds the importer; as outputs of a stack it does so by the stack's name. */
  readonly outputs: StackOutputs;
  private readonly name: string;
  private readonly props: ImporterProps;

  /** Throws a ConfigError when a file that the configuration names is missing or wrong. */
  constructor(scope: Construct, id: string, props: ImporterProps) {
    const { config, configFile, encryptionKey } = props;
    // What the function would refuse when it is loaded is refused before it is deployed.
    const pathOf = pathsBeside(configFile);
    loadFiles(config, { read: (file) => readFileSync(pathOf(file)), check: (file) => accessSync(pathOf(file)) });
    super(scope, id);
    this.props = props;
    this.name = props.namesPrefix ?? Names.uniqueResourceName(this, { maxLength: 60, separator: '-' });
    Tags.of(this).add('s3-to-amplitude', this.name);
    if (encryptionKey) letServicesUse(encryptionKey);
    const protection = { namesPrefix: this.name, ...(encryptionKey && { encryptionKey }) };
    const uploaderTimeout = timeoutOf(config);
    // After a crash a lane waits so long. Shorter, and the chunk is sent again while the first sender is still at it.
    const hidden = Duration.seconds(2 * uploaderTimeout.toSeconds());

    const intake = new QueueWithDeadLetters(this, 'Intake', {
      ...protection,
      visibility: CHUNKER_TIMEOUT.plus(Duration.minutes(1)),
      // The chunker itself gives a dump up long before, unless it goes on from checkpoint to checkpoint.
      maxReceives: INTAKE_MAX_RECEIVES + 1,
    });
    const { bucket: landing, rule } = landingBucket(this, config, intake.queue, encryptionKey);
    const upload = new QueueWithDeadLetters(this, 'Upload', {
      ...protection,
      fifo: true,
      visibility: hidden,
      maxReceives: queueMaxReceives(config.maxTries),
    });
    const parked = new QueueWithDeadLetters(this, 'Parked', {
      ...protection,
      visibility: hidden,
      maxReceives: PARKED_MAX_TRIES + PARKED_SPARE_RECEIVES,
    });
    const results = new PrivateBucket(this, 'Results', {
      encryptionKey,
      // Without its dump in the ledger a reject cannot be run again. Receipts are small, and stay.
      forgets: { prefix: 'rejects/', after: Duration.days(config.ledgerDays) },
    });
    results.addLifecycleRule({ prefix: READY_FOLDER, expiration: Duration.days(READY_DAYS) });
    const places = { landing, intake, upload, parked, results, ledger: new LedgerTable(this, 'Ledger', encryptionKey) };

    const stages = {
      chunker: this.addChunker(places),
      uploader: this.addUploader(places, uploaderTimeout),
      watcher: this.addWatcher(places),
    };
    const isExpecting = config.sources.some(({ expect }) => expect !== undefined);
    const watched = { name: this.name, queues: { intake, upload, parked }, stages, isExpecting, ...(rule && { rule }) };
    const alarms = new Alarms(this, 'Alarms', watched, props.alarmTopic);
    new ImporterDashboard(this, 'Overview', watched, alarms.all);
    this.outputs = outputsOf(places);
  }

  private addChunker(places: Places): Stage {
    const { config, configFile } = this.props;
    const { existingBucket, sources } = config;
    const { landing, intake, upload, results, ledger } = places;
    const environment: Record<(typeof CHUNKER_VARIABLES)[number], string> = {
      INTAKE_QUEUE_URL: intake.queue.queueUrl,
      INTAKE_DLQ_URL: intake.deadLetters.queueUrl,
      UPLOAD_QUEUE_URL: upload.queue.queueUrl,
      LEDGER_TABLE: ledger.tableName,
      RESULTS_BUCKET: results.bucketName,
    };
    const isInOrder = sources.some(({ inOrder }) => inOrder);
    const chunker = new Stage(this, 'Chunker', {
      ...this.common(),
      config: { file: configFile },
      description: 'Reads dumps and makes them into chunks of events',
      memorySize: 1_769, // one whole vCPU: parsing is what takes the time
      timeout: CHUNKER_TIMEOUT,
      environment,
      files: this.files(),
      // A dump that waits for its turn looks every few minutes, and its message is a new one each time.
      sendsToItself: isInOrder,
    });
    chunker.takes(intake.queue, config.chunkers);
    // Our own bucket keeps no versions.
    const versions = existingBucket === undefined ? [] : ['s3:GetObjectVersion'];
    chunker.mayDoToAny('any object may be a dump', ['s3:GetObject', ...versions], landing.arnForObjects('*'));
    // Without it S3 says 403 instead of 404 of a dump that is gone, which would be tried for a day instead of given up.
    chunker.mayDo(['s3:ListBucket'], landing.bucketArn);
    const references = objectsOf(config).map(({ bucket, key }) => {
      return Stack.of(this).formatArn({
        service: 's3',
        region: '',
        account: '',
        resource: bucket,
        resourceName: literally(key),
      });
    });
    const byName = 'each object by its name, in which ${*} is a star';
    if (references.length > 0) chunker.mayDoToAny(byName, ['s3:GetObject'], ...references);
    // To itself it sends dumps that wait for their turn, and parts of huge ones.
    const targets = [upload.queue, intake.queue, intake.deadLetters];
    chunker.mayDo(['sqs:SendMessage'], ...targets.map((queue) => queue.queueArn));
    const ready = results.arnForObjects(`${READY_FOLDER}*`);
    chunker.mayDoToAny('every part of a dump has its own', ['s3:GetObject', 's3:PutObject'], ready);
    // As above: nothing ready is a 404.
    chunker.mayDo(['s3:ListBucket'], results.bucketArn);
    chunker.mayDo(['dynamodb:PutItem'], ledger.tableArn);
    chunker.mayReadSecrets(sources.flatMap(({ enrich }) => secretsOf(enrich ?? [])));
    this.letKeepBooks(chunker, places);
    return chunker;
  }

  private addUploader(places: Places, timeout: Duration): Stage {
    const { config } = this.props;
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
      ...this.common(),
      config: { data: uploadSettings(config) },
      description: 'Uploads chunks of events to Amplitude and settles them in the ledger',
      memorySize: 512, // it mostly waits; a chunk of the greatest size, taken apart, is about 100 MB
      timeout,
      environment,
      // What is still throttled is parked anew, each time less of it, so that it ends by itself.
      sendsToItself: true,
    });
    // Several at a time, so that the small chunks of a lane that wait together can go out in one request.
    uploader.takes(upload.queue, config.uploaders, MAX_BATCH);
    uploader.takes(parked.queue, PARKED_UPLOADERS);
    const targets = [parked.queue, upload.deadLetters, parked.deadLetters];
    uploader.mayDo(['sqs:SendMessage'], ...targets.map((queue) => queue.queueArn));
    uploader.mayReadSecrets(projectSecrets(config.sources));
    this.letKeepBooks(uploader, places);
    return uploader;
  }

  /** It lists objects and dumps and asks for what is lost; what is in an object it cannot read. */
  private addWatcher({ landing, intake, results, ledger }: Places): Stage {
    const environment: Record<(typeof WATCHER_VARIABLES)[number], string> = {
      LANDING_BUCKET: landing.bucketName,
      INTAKE_QUEUE_URL: intake.queue.queueUrl,
      INTAKE_DLQ_URL: intake.deadLetters.queueUrl,
      LEDGER_TABLE: ledger.tableName,
      RESULTS_BUCKET: results.bucketName,
    };
    const watcher = new Stage(this, 'Watcher', {
      ...this.common(),
      config: { file: this.props.configFile },
      description: 'Finds dumps of which nobody was told, and daily files that are not in',
      memorySize: 512,
      timeout: Duration.minutes(5),
      environment,
      files: this.files(),
    });
    watcher.runsEvery(WATCH_INTERVAL);
    // Our own bucket keeps no versions.
    const versions = this.props.config.existingBucket === undefined ? [] : ['s3:ListBucketVersions'];
    watcher.mayDo(['s3:ListBucket', ...versions], landing.bucketArn);
    watcher.mayDo(['dynamodb:GetItem', 'dynamodb:Query'], ledger.tableArn);
    watcher.mayDo(['dynamodb:Query'], `${ledger.tableArn}/index/${dumpIndex.name}`);
    watcher.mayDo(['sqs:GetQueueAttributes', 'sqs:SendMessage'], intake.queue.queueArn);
    // What is given up is not asked for again.
    watcher.mayDo(['sqs:GetQueueAttributes', 'sqs:ReceiveMessage'], intake.deadLetters.queueArn);
    watcher.mayDo(['s3:GetObject', 's3:PutObject'], results.arnForObjects(WATCH_STATE_KEY));
    // Without it S3 says 403 instead of 404 as long as there is no such object.
    watcher.mayDo(['s3:ListBucket'], results.bucketArn);
    return watcher;
  }

  /** Those of the configuration, by their names beside a bundle. */
  private files(): ReadonlyMap<string, string> {
    const { config, configFile } = this.props;
    const pathOf = pathsBeside(configFile);
    return new Map(filesOf(config).map((file) => [bundledName(file), pathOf(file)]));
  }

  /** Whoever settles the last event of a dump writes its receipt and announces it. */
  private letKeepBooks(stage: Stage, { results, ledger }: Places): void {
    stage.mayDo(['dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:Query'], ledger.tableArn);
    const kept = ['rejects/*', 'receipts/*'].map((keys) => results.arnForObjects(keys));
    stage.mayDoToAny('every dump has its own rejects and receipt', ['s3:PutObject'], ...kept);
    const bus = Stack.of(this).formatArn({ service: 'events', resource: 'event-bus', resourceName: 'default' });
    stage.mayDo(['events:PutEvents'], bus);
  }

  private common(): Pick<StageProps, 'encryptionKey' | 'importerName' | 'network'> {
    const { encryptionKey, network } = this.props;
    return {
      importerName: this.name,
      ...(encryptionKey && { encryptionKey }),
      ...(network && { network }),
    };
  }
}

function outputsOf({ landing, intake, upload, parked, results, ledger }: Places): StackOutputs {
  return {
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
}

function pathsBeside(configFile: string): (file: string) => string {
  return (file) => resolve(dirname(configFile), file);
}

/**
 * Time for several requests of the greatest length, as a chunk that is not taken whole is sent in parts; and for the lane's
 * chunks and rests before it (take-lane.ts). 15 minutes are Lambda's most.
 */
function timeoutOf({ requestTimeoutMs }: Config): Duration {
  return Duration.seconds(Math.min(900, 60 + Math.ceil((5 * requestTimeoutMs) / 1_000)));
}

/** In a policy's resource `*` and `?` stand for anything, and `$` begins a variable: these are the characters themselves. */
function literally(key: string): string {
  return key.replace(/[*?$]/g, (character) => `\${${character}}`);
}
