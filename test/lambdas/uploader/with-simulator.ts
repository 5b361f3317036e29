/** An uploader and the simulator it sends to, on one clock. */
import { onTestFinished } from 'vitest';
import { type SimulatorOptions, startSimulator } from '../../../local/simulator.ts';
import { fakeClock } from '../../shared/fake-clock.ts';
import { openUploader, type UploaderOptions } from './uploader.ts';

export async function start(options: SimulatorOptions = {}, more: Partial<UploaderOptions> = {}) {
  const clock = fakeClock();
  const simulator = await startSimulator({ clock, ...options });
  onTestFinished(simulator.close);
  return { simulator, uploader: openUploader({ endpoint: simulator.url, clock, ...more }) };
}
