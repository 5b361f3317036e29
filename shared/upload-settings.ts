/** What of the configuration an uploader needs: data alone, so that its bundle holds neither the user's code nor the check of it. */
import type { Importer, Source } from './config.ts';
import type { Destination } from './target.ts';

export type UploadSettings = Pick<
  Importer,
  'ledgerDays' | 'lanes' | 'maxTries' | 'requestTimeoutMs' | 'uploaders' | 'uploads'
> & {
  readonly sources: readonly (Destination & Pick<Source, 'name'>)[];
};

/** As JSON it reads back the same. */
export function uploadSettings(importer: Importer): UploadSettings {
  const { ledgerDays, lanes, maxTries, requestTimeoutMs, uploaders, uploads } = importer;
  const sources = importer.sources.map(({ name, project, route, ...source }) => {
    const { api, minIdLength, projectEventsPerSecond, caps, lane } = source;
    const limits = { api, minIdLength, projectEventsPerSecond, caps, lane };
    const routed = route && { projects: route.projects, otherwise: route.otherwise };
    return { name, ...limits, ...(project && { project }), ...(routed && { route: routed }) };
  });
  return { ledgerDays, lanes, maxTries, requestTimeoutMs, uploaders, uploads, sources };
}
