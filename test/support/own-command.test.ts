import { describe, expect, it } from 'vitest';
import { ownCommand, type StartFacts } from '../../src/support/own-command.ts';

const SELF = '/opt/ktx/bin/ktx.cjs';
const links: Record<string, string> = {
  [SELF]: SELF,
  '/usr/local/bin/ktx': SELF,
  '/home/ada/it/node_modules/.bin/ktx': SELF,
  '/other/bin/ktx': '/other/lib/ktx.cjs',
  '/home/ada/.npm/_npx/1f/node_modules/.bin/ktx': '/home/ada/.npm/_npx/1f/node_modules/ktx-setup/bin/ktx.cjs',
};

function facts(changes: Partial<StartFacts> = {}): StartFacts {
  return {
    scriptPath: SELF,
    execPath: '/usr/bin/node',
    cwd: '/home/ada',
    env: { PATH: '/usr/bin:/bin' },
    realPath: (path) => links[path] ?? null,
    ...changes,
  };
}

const npm = { npm_config_user_agent: 'npm/11.6.0 node/v24', npm_lifecycle_event: 'npx', PATH: '/usr/bin' };

describe('the command that starts this program again', () => {
  it.each<[string, Partial<StartFacts>, string]>([
    ['the shell finds it', { scriptPath: '/usr/local/bin/ktx', env: { PATH: '/usr/local/bin' } }, 'ktx'],
    ['the shell finds another ktx', { env: { PATH: '/other/bin:/usr/bin' } }, 'node /opt/ktx/bin/ktx.cjs'],
    ['npx in a checkout', { env: npm }, 'npx ktx'],
    ['npm start', { env: { ...npm, npm_lifecycle_event: 'start' } }, 'npx ktx'],
    [
      'npx of the published package',
      { env: npm, scriptPath: '/home/ada/.npm/_npx/1f/node_modules/.bin/ktx' },
      'npx ktx-setup',
    ],
    ['pnpm', { env: { ...npm, npm_config_user_agent: 'pnpm/10.1.0 npm/?' } }, 'pnpm exec ktx'],
    ['yarn', { env: { ...npm, npm_config_user_agent: 'yarn/4.0.0 npm/?' } }, 'yarn ktx'],
    ['bun', { env: { ...npm, npm_config_user_agent: 'bun/1.3.0' } }, 'bunx ktx'],
    [
      'a shell that npm started',
      { env: { PATH: '/usr/bin', npm_config_user_agent: 'npm/11' } },
      `node ${SELF}`,
    ],
    ['a script by its path', { cwd: '/opt/ktx' }, 'node bin/ktx.cjs'],
    ['a script beside', { cwd: '/opt/ktx/bin' }, 'node ./ktx.cjs'],
    ['a Node that the shell does not find', { execPath: '/opt/node/bin/node' }, `/opt/node/bin/node ${SELF}`],
    [
      'a link by its path',
      { scriptPath: '/home/ada/it/node_modules/.bin/ktx', cwd: '/home/ada/it' },
      'node_modules/.bin/ktx',
    ],
    ['no script', { scriptPath: '' }, 'ktx'],
  ])('%s', (_name, changes, expected) => {
    expect(ownCommand(facts(changes))).toBe(expected);
  });

  it('is quoted where its path needs it', () => {
    const scriptPath = '/opt/my tools/ktx.cjs';
    expect(ownCommand(facts({ scriptPath, realPath: (path) => (path === scriptPath ? path : null) }))).toBe(
      "node '/opt/my tools/ktx.cjs'",
    );
  });
});
