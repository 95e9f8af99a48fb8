import { describe, expect, it, vi } from 'vitest';
import { managedPythonRuntimeLayout } from '../../src/core/layout.ts';
import {
  ensureManagedPythonCommandRuntime,
  type ManagedPythonCommandOptions,
  managedRuntimeInstallCommand,
  runtimeInstallPolicyFromFlags,
  setupInstallPolicy,
} from '../../src/embed/install-policy.ts';
import type { ManagedPythonRuntimeStatus } from '../../src/runtime/status.ts';
import { KtxExpectedError } from '../../src/support/errors.ts';
import { writeRuntime } from '../fixtures/asset.ts';
import { capturedIo } from '../fixtures/captured-io.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const cliVersion = '0.3.0';
const layout = managedPythonRuntimeLayout({ cliVersion, runtimeRoot: '/r' });

async function machine(kind: ManagedPythonRuntimeStatus['kind'] = 'missing') {
  const manifest = await writeRuntime(await temporaryFolder(), cliVersion);
  const { io, printed } = capturedIo();
  const installRuntime = vi.fn(async (_options: unknown) => ({ layout, manifest }));
  const confirmInstall = vi.fn((..._args: unknown[]) => true);
  const said: string[] = [];
  const say = (kindOfLine: string) => (text: string) => void said.push(`${kindOfLine} ${text}`);
  const spinner = () => ({
    start: say('start'),
    message: say('message'),
    stop: say('stop'),
    error: say('error'),
  });
  const ensure = (more: Partial<ManagedPythonCommandOptions> = {}) =>
    ensureManagedPythonCommandRuntime({
      cliVersion,
      installPolicy: 'auto',
      io,
      readStatus: async () => ({ kind, detail: '', layout, ...(kind === 'missing' ? {} : { manifest }) }),
      installRuntime,
      confirmInstall,
      spinner,
      ...more,
    });
  return { manifest, io, printed, installRuntime, confirmInstall, said, ensure };
}

describe('policies', () => {
  it.each([
    [{}, 'prompt', 'prompt'],
    [{ yes: false }, 'prompt', 'prompt'],
    [{ input: true }, 'prompt', 'prompt'],
    [{ yes: true }, 'auto', 'auto'],
    [{ yes: true, input: true }, 'auto', 'auto'],
    [{ input: false }, 'never', 'never'],
    [{ yes: false, input: false }, 'never', 'never'],
    [{ yes: true, input: false }, null, 'auto'],
  ] as const)('20. and commands 17. %j', (flags, command, setup) => {
    if (command === null) {
      expect(() => runtimeInstallPolicyFromFlags(flags)).toThrow(
        'Choose only one runtime install mode: --yes or --no-input',
      );
    } else {
      expect(runtimeInstallPolicyFromFlags(flags)).toBe(command);
    }
    expect(setupInstallPolicy(flags)).toBe(setup);
  });

  it('what to type', () => {
    expect(managedRuntimeInstallCommand()).toBe('ktx admin runtime install --yes');
    expect(managedRuntimeInstallCommand('core')).toBe('ktx admin runtime install --yes');
    expect(managedRuntimeInstallCommand('local-embeddings')).toBe(
      'ktx admin runtime install --feature local-embeddings --yes',
    );
  });
});

describe('ensureManagedPythonCommandRuntime', () => {
  it.each(['never', 'prompt', 'auto'] as const)(
    '21. a ready runtime is silent under %s',
    async (installPolicy) => {
      const { ensure, manifest, printed, said, installRuntime, confirmInstall } = await machine('ready');
      expect(await ensure({ installPolicy })).toEqual({ layout, manifest });
      expect([printed, said]).toEqual([{ stdout: '', stderr: '' }, []]);
      expect(installRuntime).not.toHaveBeenCalled();
      expect(confirmInstall).not.toHaveBeenCalled();
    },
  );

  it.each([
    ['core', 'ktx admin runtime install --yes'],
    ['local-embeddings', 'ktx admin runtime install --feature local-embeddings --yes'],
  ] as const)('21. never, without %s: the exact command; no installer', async (feature, command) => {
    const { ensure, installRuntime } = await machine();
    const failure = await ensure({ installPolicy: 'never', feature }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(KtxExpectedError);
    expect((failure as Error).message).toBe(
      `ktx Python runtime is required for this command. Run: ${command}`,
    );
    expect(installRuntime).not.toHaveBeenCalled();
  });

  it('21. a runtime without the feature, and a broken one, are not ready', async () => {
    const ready = await machine('ready');
    await expect(ready.ensure({ installPolicy: 'never', feature: 'local-embeddings' })).rejects.toThrow(
      /required/,
    );
    const broken = await machine('broken');
    await expect(broken.ensure({ installPolicy: 'never' })).rejects.toThrow(/required/);
  });

  it.each([
    ['core', 'core Python runtime', 'ktx admin runtime install --yes'],
    [
      'local-embeddings',
      'local embeddings Python runtime',
      'ktx admin runtime install --feature local-embeddings --yes',
    ],
  ] as const)('22. and commands 14. the exact question for %s, and io', async (feature, label, command) => {
    const { ensure, io, confirmInstall, installRuntime } = await machine();
    await ensure({ installPolicy: 'prompt', feature });
    const question =
      `ktx needs to install the ${label}. This downloads a pinned, checksum-verified uv build, ` +
      'Python, and dependencies. Continue?';
    expect(confirmInstall.mock.calls).toEqual([[question, io]]);
    expect(installRuntime).toHaveBeenCalledOnce();
    confirmInstall.mockReturnValue(false);
    await expect(ensure({ installPolicy: 'prompt', feature })).rejects.toThrow(
      new KtxExpectedError(`ktx Python runtime installation was cancelled. Run: ${command}`),
    );
    expect(installRuntime).toHaveBeenCalledOnce();
  });

  it('22. without a terminal nobody is asked, and the answer is no', async () => {
    const { ensure, installRuntime, printed } = await machine();
    await expect(ensure({ installPolicy: 'prompt', confirmInstall: undefined })).rejects.toThrow(
      'ktx Python runtime installation was cancelled. Run: ktx admin runtime install --yes',
    );
    expect(installRuntime).not.toHaveBeenCalled();
    expect(printed).toEqual({ stdout: '', stderr: '' });
  });

  it('commands 14. auto and never do not ask', async () => {
    const { ensure, confirmInstall } = await machine();
    await ensure({ installPolicy: 'auto' });
    await ensure({ installPolicy: 'never' }).catch(() => {});
    expect(confirmInstall).not.toHaveBeenCalled();
  });

  it('23. auto installs just the feature, and says both texts once', async () => {
    const { ensure, installRuntime, said, manifest } = await machine();
    expect(await ensure({ feature: 'local-embeddings' })).toEqual({ layout, manifest });
    expect(installRuntime.mock.calls).toEqual([
      [{ cliVersion, features: ['local-embeddings'], force: false }],
    ]);
    expect(said).toEqual([
      'start Installing ktx Python runtime (local-embeddings) with uv...',
      `stop ktx Python runtime ready: ${layout.versionDir}`,
    ]);
  });

  it('23. the default spinner prints lines on stderr', async () => {
    vi.stubEnv('NO_COLOR', '1');
    const { ensure, printed } = await machine();
    await ensure({ spinner: undefined });
    vi.unstubAllEnvs();
    expect(printed).toEqual({
      stdout: '',
      stderr: `◐  Installing ktx Python runtime (core) with uv...\n◇  ktx Python runtime ready: ${layout.versionDir}\n`,
    });
  });

  it('an install that fails is said, and its error passed on as it is', async () => {
    const { ensure, said } = await machine();
    const error = new Error('no room');
    await expect(ensure({ installRuntime: async () => Promise.reject(error) })).rejects.toBe(error);
    expect(said.at(-1)).toBe('error ktx Python runtime install failed: no room');
  });
});
