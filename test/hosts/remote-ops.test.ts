import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  backupFilename,
  makeRemoteOps,
  readRemoteConfig,
  shellOps,
  shellQuoted,
  wrapperOps,
} from '../../src/hosts/ssh/remote-ops.ts';
import type { RemoteOps } from '../../src/hosts/ssh/types.ts';
import { CONFIG_PATH, NEW_CONFIG, OLD_CONFIG, RESTART, recordedExec, TARGET } from './memory-host.ts';

const NOW = new Date('2026-06-12T08:09:10.123Z');
const BACKUP = `${CONFIG_PATH}.bak-20260612T080910Z`;
const content = 'a: "ä€😀"\r\n\n  no final line end';

describe('commands on the host', () => {
  it('9. a backup name has no milliseconds and no punctuation, and keeps the path', () => {
    expect(backupFilename(CONFIG_PATH, NOW)).toBe(BACKUP);
    const odd = "/my models/it's.yaml";
    expect(backupFilename(odd, NOW)).toBe(`${odd}.bak-20260612T080910Z`);
  });

  it('10. shell mode: cat, cp, cat > with the content, then the restart command as it stands', async () => {
    const { exec, calls } = recordedExec();
    const ops = shellOps(TARGET, CONFIG_PATH, exec);
    expect(await ops.read()).toBe(OLD_CONFIG);
    expect(await ops.backup(NOW)).toBe(BACKUP);
    await ops.write(content);
    await ops.restart(`${RESTART} && echo "it's up" `);
    expect(calls).toEqual([
      { command: `cat '${CONFIG_PATH}'`, stdin: undefined },
      { command: `cp '${CONFIG_PATH}' '${BACKUP}'`, stdin: undefined },
      { command: `cat > '${CONFIG_PATH}'`, stdin: content },
      { command: `${RESTART} && echo "it's up" `, stdin: undefined },
    ]);
  });

  it.each(["it's $(touch pwned) `id`", "'''", '$HOME; rm -rf *', 'a\nb', '-rf', '\\'])(
    '11. %j is one literal word for a shell',
    (path) => {
      const { stdout } = spawnSync('sh', ['-c', `printf '[%s]' ${shellQuoted(path)}`], { encoding: 'utf8' });
      expect(stdout).toBe(`[${path}]`);
    },
  );

  it('12. wrapper mode: four bare verbs, content for write alone, the path is what backup prints', async () => {
    const { exec, calls } = recordedExec([[/^backup$/, { stdout: '\n /srv/copy 1.yaml \n' }]]);
    const ops = wrapperOps(TARGET, exec);
    expect(await ops.read()).toBe(OLD_CONFIG);
    expect(await ops.backup(NOW)).toBe('/srv/copy 1.yaml');
    await ops.write(content);
    await ops.restart('rm -rf /');
    expect(calls).toEqual([
      { command: 'read', stdin: undefined },
      { command: 'backup', stdin: undefined },
      { command: 'write', stdin: content },
      { command: 'restart', stdin: undefined },
    ]);
  });

  it('a wrapper that names no backup path fails', async () => {
    const ops = wrapperOps(TARGET, recordedExec([[/^backup$/, { stdout: ' \n' }]]).exec);
    await expect(ops.backup(NOW)).rejects.toThrow(/^backup failed \(exit 0\): /);
  });

  it('reads in the mode that is asked for, else in shell mode', async () => {
    const { exec, commands } = recordedExec();
    await readRemoteConfig(TARGET, CONFIG_PATH, exec);
    await readRemoteConfig(TARGET, CONFIG_PATH, exec, 'wrapper');
    expect(commands()).toEqual([`cat '${CONFIG_PATH}'`, 'read']);
  });

  const operations: [keyof RemoteOps, (ops: RemoteOps) => Promise<unknown>][] = [
    ['read', (ops) => ops.read()],
    ['backup', (ops) => ops.backup(NOW)],
    ['write', (ops) => ops.write(NEW_CONFIG)],
    ['restart', (ops) => ops.restart(RESTART)],
  ];
  it.each(
    operations.flatMap(([label, run]) =>
      (['shell', 'wrapper'] as const).map((mode) => [label, mode, run] as const),
    ),
  )('13. %s in %s mode: a failure has its code and 300 characters of stderr', async (label, mode, run) => {
    const { exec } = recordedExec([[/./, { code: 7, stderr: 'x'.repeat(400) }]]);
    const failure = run(makeRemoteOps(mode, TARGET, CONFIG_PATH, exec));
    await expect(failure).rejects.toThrow(new Error(`${label} failed (exit 7): ${'x'.repeat(300)}`));
  });
});
