/** Ctrl-C as a signal: the first one stops between two steps, a second one does not wait. */

/** `end` gives Ctrl-C back its usual meaning. */
export function startInterrupt() {
  const controller = new AbortController();
  const stop = () => {
    console.error('s3-to-amplitude: stopping; the same command goes on later');
    controller.abort();
  };
  process.once('SIGINT', stop);
  return { signal: controller.signal, end: () => void process.off('SIGINT', stop) };
}
