/** What the benches import with: the defaults, and no map. */
import { defineImporter } from '../shared/config.ts';

export default defineImporter({ sources: [{ name: 'bench', project: { secret: 'amplitude/bench', region: 'us' } }] });
