/** Uploads of a text to an endpoint, with everything filled in that a test does not say. */
import { amplitude, type AmplitudeOptions, deflateText } from '../../../lambdas/uploader/amplitude.ts';

export const TEXT = '{"event_type":"a","user_id":"Zoë 👋"},\n{"event_type":"b","big":12345678901234567890}';

type Upload = Partial<Parameters<ReturnType<typeof amplitude>['upload']>[0]> & { readonly text?: string };

export function uploadsTo(endpoint: string, options: Partial<AmplitudeOptions> = {}) {
  const uploads = amplitude({ uploads: 'gzip', timeoutMs: 5_000, connections: 2, endpoint, ...options });
  const project = { secret: 'secret', region: 'us' } as const;
  return {
    close: uploads.close,
    async upload({ text = TEXT, ...request }: Upload = {}) {
      return uploads.upload({
        project,
        api: 'batch',
        apiKey: 'key',
        events: [await deflateText(Buffer.from(text))],
        ...request,
      });
    },
  };
}
