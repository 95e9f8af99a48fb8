import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { capturedIo } from '../fixtures/captured-io.ts';

/** What a command sees as the root, and what is left of it afterwards. */
async function rootSeen(line: string, env: NodeJS.ProcessEnv) {
  let seen: string | undefined;
  const look = async () => {
    seen = env['KTX_RUNTIME_ROOT'];
    return 0;
  };
  const { io, printed } = capturedIo({});
  const exitCode = await runProgram(line.split(' '), io, {
    runRuntime: look,
    runLifecycle: look,
    runNetwork: look,
    env,
    cwd: '/here',
  });
  return { seen, after: env['KTX_RUNTIME_ROOT'], exitCode, stderr: printed.stderr };
}

describe('--runtime-root', () => {
  it.each(['install', 'status', 'doctor', 'prune --dry-run', 'start', 'stop', 'undo', 'uninstall'])(
    'of `ktx admin runtime %s` is absolute and wins over the variable, for this command alone',
    async (line) => {
      const result = await rootSeen(`admin runtime ${line} --runtime-root rt`, { KTX_RUNTIME_ROOT: '/set' });
      expect(result).toMatchObject({ seen: '/here/rt', after: '/set', exitCode: 0 });
    },
  );

  it('as a relative variable, such as a CI file has, becomes absolute', async () => {
    expect(await rootSeen('admin report', { KTX_RUNTIME_ROOT: 'cache/rt' })).toMatchObject({
      seen: '/here/cache/rt',
      after: 'cache/rt',
    });
  });

  it('leaves no variable behind where there was none', async () => {
    const env = {};
    expect(await rootSeen('admin runtime status --runtime-root rt', env)).toMatchObject({ seen: '/here/rt' });
    expect(env).toEqual({});
  });

  it('without a value is refused', async () => {
    const result = await rootSeen('admin runtime status --runtime-root --json', {});
    expect(result).toMatchObject({ seen: undefined, exitCode: 1 });
    expect(result.stderr).toContain('--runtime-root');
  });
});
