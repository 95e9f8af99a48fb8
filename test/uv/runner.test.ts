import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SetupEventBody } from '../../src/core/events.ts';
import { openInstallLog } from '../../src/log/install-log.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';
import { createUvRunner } from '../../src/uv/runner.ts';
import { writeScript } from '../fixtures/fake-daemon.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const SECRET = 'the-password-of-the-index';

it.each([
  ['a real process', undefined],
  ['injected commands', async () => ({ stdout: `tried ${SECRET}\n`, stderr: '' })],
])('what uv prints is masked in the log and in events: %s', async (_name, exec) => {
  const folder = await temporaryFolder();
  const uvPath = join(folder, 'uv');
  await writeScript(uvPath, `#!/bin/sh\necho "tried ${SECRET}"\n`);
  const redactor = createRedactor();
  redactor.addSecret(SECRET);
  const logPath = join(folder, 'install.log');
  const log = await openInstallLog(logPath, { redactor });
  const events: SetupEventBody[] = [];
  const uv = createUvRunner({
    uvPath,
    log,
    logPath,
    emit: (event) => events.push(event),
    mask: redactor.redact,
    exec,
  });
  await uv.run('packages', ['pip', 'install', `--index-url=https://u:${SECRET}@index.example`], {
    PATH: '/usr/bin:/bin',
  });
  await log.close();
  const text = await readFile(logPath, 'utf8');
  expect(text).toContain('tried ****');
  expect(text).toContain('$ ');
  expect(text + JSON.stringify(events)).not.toContain(SECRET);
  expect(JSON.stringify(events)).toContain('tried ****');
});

describe('a command of uv', () => {
  /** Runs a uv that is a shell script, or injected. */
  async function run(
    lines: string,
    exec?: Parameters<typeof createUvRunner>[0]['exec'],
    env: NodeJS.ProcessEnv = {},
  ) {
    const folder = await temporaryFolder();
    const uvPath = join(folder, 'uv');
    await writeScript(uvPath, `#!/bin/sh\n${lines}\n`);
    const events: SetupEventBody[] = [];
    const uv = createUvRunner({
      uvPath,
      log: null,
      logPath: '/log',
      emit: (event) => events.push(event),
      mask: (text) => text,
      exec,
    });
    const error: unknown = await uv
      .run('packages', ['pip', 'install', 'x'], { PATH: '/usr/bin:/bin', ...env })
      .then(
        () => null,
        (reason: unknown) => reason,
      );
    return {
      error,
      events: events.map((event) => (event.type === 'lines' ? { ...event, lines: [...event.lines] } : event)),
    };
  }
  const command = { type: 'lines', step: 'packages', stream: 'ktx', lines: ['$ uv pip install x'] };
  const line = (stream: string, ...lines: string[]) => ({ type: 'lines', step: 'packages', stream, lines });
  const resolved = { type: 'uv', step: 'packages', phase: 'resolved', count: 2, name: null, durationMs: 3 };

  it('is said, and so is what it prints and what that means', async () => {
    const { error, events } = await run('echo one; echo "Resolved 2 packages in 3ms" >&2');
    expect(error).toBeNull();
    expect(events).toEqual(
      expect.arrayContaining([
        command,
        line('stdout', 'one'),
        line('stderr', 'Resolved 2 packages in 3ms'),
        resolved,
      ]),
    );
    expect(events).toHaveLength(4);
    expect(events[0]).toEqual(command);
  });

  it('that fails is an error with all that it printed', async () => {
    const { error } = await run('echo out; echo err >&2; exit 2');
    expect(error).toMatchObject({
      name: 'UvCommandError',
      uvArgs: ['pip', 'install', 'x'],
      output: 'err\nout',
      message: 'Python runtime install failed.\nerr\nout\nInstall log: /log',
    });
    expect((await run('exit 1')).error).toMatchObject({
      message: 'Python runtime install failed. Install log: /log',
      output: '',
    });
  });

  it('that is killed says so', async () => {
    const { error, events } = await run('echo err >&2; kill -KILL $$');
    expect(error).toMatchObject({ output: 'err\n\nuv was ended by SIGKILL' });
    expect(events.at(-1)).toEqual(line('stderr', 'uv was ended by SIGKILL'));
  });

  it('that lacks threads is tried once more with one', async () => {
    const lacking =
      '[ "$UV_CONCURRENT_INSTALLS" = 1 ] && echo done && exit 0; echo "failed to spawn thread: Resource temporarily unavailable (os error 11)" >&2; exit 2';
    const { error, events } = await run(lacking);
    expect(error).toBeNull();
    expect(events.filter(({ type }) => type === 'note')).toEqual([
      {
        type: 'note',
        step: 'packages',
        level: 'warning',
        text: 'uv could not start its threads, of which this user may have few; once more with one (UV_CONCURRENT_INSTALLS=1)',
      },
    ]);
    expect(events.at(-1)).toEqual(line('stdout', 'done'));
    const again = await run(
      `echo "$UV_CONCURRENT_INSTALLS"; echo "failed to spawn thread: Resource temporarily unavailable (os error 11)" >&2; exit 2`,
    );
    expect(again.error).toMatchObject({
      output: expect.stringContaining('Resource temporarily unavailable'),
    });
    expect(again.events.filter(({ type }) => type === 'note')).toHaveLength(1);
    const chosen = await run('echo "Resource temporarily unavailable (os error 11)" >&2; exit 2', undefined, {
      UV_CONCURRENT_INSTALLS: '1',
    });
    expect(chosen.events.filter(({ type }) => type === 'note')).toEqual([]);
  });

  it('that was injected has its output at the end, of a failure too', async () => {
    const good = await run('', async () => ({ stdout: 'a\r\nb\n', stderr: 'Resolved 2 packages in 3ms' }));
    expect(good.error).toBeNull();
    expect(good.events).toEqual([
      command,
      line('stdout', 'a', 'b'),
      line('stderr', 'Resolved 2 packages in 3ms'),
      resolved,
    ]);
    const cause = Object.assign(new Error('exit 3'), { stdout: 'out\n', stderr: 'err' });
    const bad = await run('', () => Promise.reject(cause));
    expect(bad.error).toMatchObject({ cause, output: 'err\nout' });
    expect(bad.events).toEqual([command, line('stdout', 'out'), line('stderr', 'err')]);
    const silent = await run('', () => Promise.reject(new Error('no output')));
    expect(silent.error).toMatchObject({ output: '', cause: { message: 'no output' } });
    expect(silent.events).toEqual([command]);
    const odd = await run('', () => Promise.reject(undefined));
    expect(odd.error).toMatchObject({ output: '' });
  });
});
