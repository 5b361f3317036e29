/** Installs the peers of the suite, in pinned versions, into a directory that later runs find again. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export const PEERS = { 'mixpanel-import': '3.1.43', '@amplitude/analytics-node': '1.5.73' } as const;

/** A file beside the installed modules, for `createRequire`; undefined, after saying why, when they cannot be had. */
export function installPeers(): string | undefined {
  const name = Object.values(PEERS).join('-');
  const directory = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 's3-to-amplitude-bench', name);
  const anchor = join(directory, 'package.json');
  if (existsSync(anchor)) return anchor;
  const unfinished = `${directory}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(join(unfinished, 'package.json'), JSON.stringify({ private: true, dependencies: PEERS }));
  console.error(`installing the peers into ${directory}`);
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--fetch-retries=1'];
  const { status } = spawnSync('npm', args, {
    cwd: unfinished,
    env: { ...process.env, npm_config_loglevel: 'error' },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: 300_000,
  });
  if (status === 0) {
    mkdirSync(dirname(directory), { recursive: true });
    renameSync(unfinished, directory);
    return anchor;
  }
  rmSync(unfinished, { recursive: true, force: true });
  console.error('the peers could not be installed (no network?): they are left out, all else is measured');
  return undefined;
}
