/** What the uploader is bundled with instead of the configuration. */
import { expect, test } from 'vitest';
import { defineImporter } from '../../shared/config.ts';
import { targetsOf } from '../../shared/target.ts';
import { uploadSettings } from '../../shared/upload-settings.ts';

const project = { secret: 'amplitude/main' };
const importer = defineImporter({
  uploaders: 5,
  sources: [
    { name: 'mapped', prefix: 'a/', project, map: (record) => ({ ...record, event_type: 'Seen' }), minIdLength: 3 },
    {
      name: 'routed',
      prefix: 'b/',
      api: 'http-v2',
      project,
      projectEventsPerSecond: 500,
      route: { by: () => 'acme', otherwise: 'project', projects: { acme: { secret: 'a', region: 'eu' } } },
    },
  ],
});

test('it is data: written as JSON and read again it is the same', () => {
  const settings = uploadSettings(importer);
  expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
  expect(JSON.stringify(settings)).not.toContain('prefix');
});

test('its sources have the targets that they have in the configuration', () => {
  const { sources, ...others } = uploadSettings(importer);
  expect(sources.map(targetsOf)).toEqual(importer.sources.map(targetsOf));
  expect(importer).toMatchObject(others);
});
