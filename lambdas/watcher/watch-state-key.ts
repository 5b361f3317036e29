/** Where the watcher's state lies in the results bucket; the stack grants it, so no SDK is imported here. */

export const WATCH_STATE_KEY = 'watch/state.json';
