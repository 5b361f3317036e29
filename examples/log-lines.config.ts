/** Log lines as services write them, the event nested under `Fields` with properties as JSON text: pseudonyms and user properties in configuration alone. */
import { defineImporter } from '../shared/config.ts';

export default defineImporter({
  sources: [
    {
      name: 'log-lines',
      prefix: 'logs/',
      project: { secret: 'amplitude/logs', region: 'us' },
      filter: { path: 'Type', equals: 'amplitudeEvent' },
      map: {
        event_type: 'Fields.event_type',
        user_id: 'Fields.user_id',
        device_id: 'Fields.device_id',
        time: { time: 'Fields.time', unit: 'ms' },
        session_id: { number: 'Fields.session_id' },
        app_version: { string: 'Fields.app_version' },
        os_name: 'Fields.os_name',
        language: 'Fields.language',
        event_properties: { from: { json: 'Fields.event_properties' } },
        user_properties: { from: { json: 'Fields.user_properties' }, drop: ['email'] },
        $skip_user_properties_sync: { value: true },
      },
      enrich: [
        { hash: { fields: ['user_id', 'event_properties.uid'], secret: 'logs/hash-key' } },
        { set: { event_properties: { fields: { host: '$record.Hostname' } } } },
        { identify: {} },
      ],
    },
  ],
});
