/** Reads what stands in an intake message: the dumps that were dropped, in any of the forms a notification has. */
import * as z from 'zod';
import type { Dump } from '../../shared/dump.ts';

/** A dump to import; its size is not in every notification. */
export type Intake = {
  readonly dump: Omit<Dump, 'size'> & { readonly size?: number };
  /** The source's name, when whoever asked for the import chose it; otherwise it follows from the key. */
  readonly source?: string;
  /** Names a request to read the dump once more although it is known. */
  readonly again?: string;
  /** Only this part of the dump is to be made ready, while another message of it is read. */
  readonly part?: number;
};

/** Direct S3 notifications form-URL-encode the key (a space is `+`); EventBridge's do not. */
const s3Record = z.object({
  eventVersion: z.string().regex(/^2\./, 'expected event version 2.x'),
  eventName: z.string(),
  s3: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string(),
      size: z.number().optional(),
      eTag: z.string().optional(),
      versionId: z.string().optional(),
    }),
  }),
});
const s3Notification = z.object({ Records: z.array(s3Record) });
const s3TestEvent = z.object({ Event: z.literal('s3:TestEvent') });
const eventBridgeEvent = z.object({
  source: z.literal('aws.s3'),
  'detail-type': z.literal('Object Created'),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({
      key: z.string(),
      size: z.number().optional(),
      etag: z.string().optional(),
      'version-id': z.string().optional(),
    }),
  }),
});
/** Version of our own form; a reader knows every version ever released. */
const VERSION = 1;

/** Our own form: written by the CLI and the embedded run. The first ones had no version. */
const importRequest = z.object({
  v: z.literal(VERSION).default(VERSION),
  import: z.object({
    dump: z.object({
      bucket: z.string(),
      key: z.string(),
      etag: z.string(),
      versionId: z.string().optional(),
      size: z.number().optional(),
    }),
    source: z.string().optional(),
    again: z.string().optional(),
    part: z.int().min(1).optional(),
  }),
});
const message = z.union([s3Notification, eventBridgeEvent, importRequest, s3TestEvent]);

/** The dumps a message names: none for S3's test event, for deletions and for folder objects. Throws on any other message. */
export function readNotification(body: string): readonly Intake[] {
  const json = parseJson(body);
  checkVersion(json);
  const parsed = message.safeParse(json);
  if (!parsed.success) {
    throw new Error(
      'intake message is neither an S3 notification (event version 2.x), an EventBridge "Object Created" event nor an import request',
    );
  }
  return toIntakes(parsed.data).filter(({ dump }) => !dump.key.endsWith('/'));
}

/** The message that asks for an import. */
export function importMessage(intake: Intake): string {
  return JSON.stringify({ v: VERSION, import: intake });
}

function checkVersion(json: unknown): void {
  if (typeof json !== 'object' || json === null || !('import' in json) || !('v' in json) || json.v === VERSION) return;
  throw new Error(
    `import request has version ${String(json.v)}; this code reads version ${VERSION}: deploy a newer one`,
  );
}

/** Whether the message asks for a part to be made ready; no notification of a dump does. */
export function isForPart(body: string): boolean {
  const parsed = importRequest.safeParse(parseJson(body));
  return parsed.success && parsed.data.import.part !== undefined;
}

function toIntakes(data: z.output<typeof message>): Intake[] {
  if ('Event' in data) return [];
  if ('import' in data) return [data.import as Intake];
  if ('detail' in data) {
    const { bucket, object } = data.detail;
    return [intake(bucket.name, object.key, object.etag, object['version-id'], object.size)];
  }
  return data.Records.filter((record) => record.eventName.startsWith('ObjectCreated:')).map(
    ({ s3: { bucket, object } }) =>
      intake(bucket.name, decodeKey(object.key), object.eTag, object.versionId, object.size),
  );
}

function intake(
  bucket: string,
  key: string,
  etag: string | undefined,
  versionId: string | undefined,
  size: number | undefined,
): Intake {
  // A bucket whose versioning is suspended calls every new object's version `null`: then the ETag tells them apart.
  const version = versionId && versionId !== 'null' ? { versionId } : {};
  if (!etag && !version.versionId)
    throw new Error(`notification of s3://${bucket}/${key} has neither an ETag nor a version`);
  return { dump: { bucket, key, etag: etag ?? '', ...version, ...(size !== undefined && { size }) } };
}

function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch (cause) {
    throw new Error(`key "${key}" of an S3 notification is not form-URL-encoded`, { cause });
  }
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
