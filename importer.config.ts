/** What is imported, and where it goes. This one takes dumps of Amplitude events as they are; see README, "Configure". */
import { defineImporter } from './shared/config.ts';

export default defineImporter({
  sources: [
    {
      name: 'events',
      prefix: 'incoming/',
      project: { secret: 'amplitude/api-key', region: 'us' },
    },
  ],
});
