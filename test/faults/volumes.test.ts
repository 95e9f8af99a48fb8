import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FailureReport } from '../../src/core/events.ts';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { activeEnvironment, CLI_VERSION, makeWorld, type World } from '../fixtures/fault-world.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';

/** Volumes that are full, read-only or without execution: mounted in a namespace of their own, with a working runtime on them. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0;
const KB = 1000;
const MB = 1_000_000;
/** Set by `npm run test:faults`. */
const isComplete = process.env['KTX_FAULTS'] === 'complete';

let index: LoopbackIndex;
let world: World;
let active: string;
beforeAll(async () => {
  if (!canMount) return;
  index = await startLoopbackIndex(await openWheelhouse());
  world = await makeWorld(index);
  expect((await world.start(world.options()).ended).stderr).toBe('');
  active = (await activeEnvironment(world))!;
});
afterAll(async () => {
  await world?.remove();
  await index?.close();
});

interface Seen {
  failure: FailureReport | null;
  health: { kind: string; environmentDir: string; works: boolean }[];
  result: { status: string } | null;
  stderr: string;
  /** Files below the runtime's `envs` and `runs` at the end of the first setup. */
  left: string[];
}

/** Runs lines of a shell in a mount namespace; `$setup`, `$health` and `$left` are commands. */
function inNamespace(
  lines: string[],
  options: { env?: NodeJS.ProcessEnv; ignoreDisk?: boolean } = {},
): Promise<Seen> {
  const setupOptions = world.options({ shouldForce: true, shouldIgnoreDisk: options.ignoreDisk ?? true });
  const script = [
    'set -u',
    'node="$1"; tests="$2"; root="$3"; options="$4"; version="$5"; home="$6"',
    'setup() { "$node" "$tests/faults/victim.mjs" runSetup "$options"; }',
    'health() { "$node" "$tests/fixtures/fault-health.ts" "$root" "$version"; }',
    `left() { (cd "$root" && find "$version/envs" uv/runs -mindepth 1 -maxdepth 1 | sed 's/.*/{"type":"left","path":"&"}/'); }`,
    // The runtime with all that it shares, at its own path, on a volume of its own.
    'cp -a "$root" "$home/copy" && mount -t tmpfs -o size=2g none "$root" && cp -a "$home/copy/." "$root/" && rm -rf "$home/copy"',
    ...lines,
  ].join('\n');
  const args = [
    '-m',
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    join(PACKAGE_ROOT, 'test'),
    world.runtimeRoot,
  ];
  return new Promise((resolve) => {
    execFile(
      'unshare',
      [...args, JSON.stringify(setupOptions), CLI_VERSION, world.home],
      { env: { ...world.env, ...options.env } },
      (_error, stdout, stderr) => {
        const events = stdout
          .split('\n')
          .filter((line) => line.startsWith('{'))
          .map((line) => JSON.parse(line));
        const of = (type: string) => events.filter((event) => event.type === type);
        resolve({
          failure: of('failure')[0]?.failure ?? null,
          health: of('health'),
          result: of('result').at(-1)?.result ?? null,
          stderr,
          left: of('left').map(({ path }) => path),
        });
      },
    );
  });
}

function expectOldRuntime(seen: Seen): void {
  expect(seen.health[0]).toMatchObject({ kind: 'ready', environmentDir: active, works: true });
  expect(seen.left).toEqual([join(CLI_VERSION, 'envs', active.split('/').at(-1)!)]);
}

const used = 'used=$(df -B1 --output=used "$root" | tail -1)';

describe.runIf(canMount)('a full volume', () => {
  it.each(isComplete ? [0, 100 * KB, 2 * MB, 8 * MB, 16 * MB] : [0, 8 * MB])(
    'with %i bytes left under the runtime root: said, the old runtime answers, with room the next setup works',
    async (freeBytes) => {
      const seen = await inNamespace([
        used,
        `mount -o remount,size=$((used + ${freeBytes})) "$root"`,
        'setup; left; health',
        'mount -o remount,size=2g "$root"; setup; health',
      ]);
      expect(seen.failure).toMatchObject({ failureClass: 'disk' });
      expect(seen.failure!.title).toContain(world.runtimeRoot);
      expect(seen.failure!.title).toMatch(/\(.* free\)/);
      expect(seen.failure!.evidence.join('\n')).toMatch(/\d+ MB for the environment/);
      expect(seen.failure!.untouched).toContain('still works');
      expectOldRuntime(seen);
      expect(seen.result).toMatchObject({ status: 'installed' });
      expect(seen.health[1]).toMatchObject({ works: true });
    },
  );

  it('is refused before the first byte when the plan can tell, with the numbers', async () => {
    const lines = [used, `mount -o remount,size=$((used + ${20 * MB})) "$root"`, 'setup; left; health'];
    const seen = await inNamespace(lines, { ignoreDisk: false });
    expect(seen.failure).toMatchObject({ failureClass: 'disk', step: 'plan' });
    expect(seen.failure!.title).toMatch(/^Not enough space: \d+ MB needed, \d+ MB free on the volume of /);
    expectOldRuntime(seen);
  });

  it.each(isComplete ? [0, 1 * MB] : [0])(
    'for temporary files, %i bytes left: not even noticed',
    async (freeBytes) => {
      const seen = await inNamespace(
        [
          'mkdir -p "$TMPDIR"; mount -t tmpfs -o size=4m none "$TMPDIR"',
          `head -c ${4 * 1024 * 1024 - freeBytes} /dev/zero > "$TMPDIR/fill"`,
          'setup; health',
        ],
        { env: { TMPDIR: join(world.home, 'tmp') } },
      );
      expect(seen.failure).toBeNull();
      expect(seen.result).toMatchObject({ status: 'installed' });
      expect(seen.health[0]).toMatchObject({ works: true });
    },
  );
});

describe.runIf(canMount)('a volume that', () => {
  it('is read-only', async () => {
    const seen = await inNamespace(['mount -o remount,ro "$root"', 'setup; left; health']);
    expect(seen.failure).toMatchObject({ failureClass: 'permission' });
    expect(seen.failure!.title).toMatch(/read-only/);
    expect(seen.failure!.title).toContain(world.runtimeRoot);
    expectOldRuntime(seen);
  });

  it('starts no programs (noexec)', async () => {
    const seen = await inNamespace([
      'mount -o remount,noexec "$root"; setup; left',
      'mount -o remount,exec "$root"; health',
    ]);
    expect(seen.failure).toMatchObject({ failureClass: 'permission', step: 'plan' });
    expect(seen.failure!.title).toContain(`${world.runtimeRoot} is mounted noexec`);
    expectOldRuntime(seen);
  });

  it('another user owns', async () => {
    const seen = await inNamespace([
      'chmod -R go+rX "$home"',
      'setup() { setpriv --reuid=65534 --regid=65534 --clear-groups "$node" "$tests/faults/victim.mjs" runSetup "$options"; }',
      'setup; left; health',
    ]);
    expect(seen.failure).toMatchObject({ failureClass: 'permission' });
    expect(seen.failure!.title).toContain(world.runtimeRoot);
    expectOldRuntime(seen);
  });
});
