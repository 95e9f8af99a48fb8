import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { beforeEach, describe, expect, it, test, vi } from 'vitest';
import { addEmbed, type EmbedArgs } from '../../../src/cli/commands/embed-program.ts';
import { programVersion } from '../../../src/core/program-version.ts';
import type { TextItem } from '../../../src/vectors/read-texts.ts';
import { capturedIo } from '../../fixtures/captured-io.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const fake = vi.hoisted(() => ({
  ensure: vi.fn(),
  embed: vi.fn(),
  privately: vi.fn(),
  start: vi.fn(),
  token: vi.fn(),
}));
vi.mock('../../../src/embed/install-policy.ts', () => ({ ensureManagedPythonCommandRuntime: fake.ensure }));
vi.mock('../../../src/vectors/embed-texts.ts', () => ({ embedTexts: fake.embed }));
vi.mock('../../../src/vectors/private-daemon.ts', () => ({ withPrivateDaemon: fake.privately }));
vi.mock('../../../src/embed/start-daemon.ts', () => ({ startManagedPythonDaemon: fake.start }));
vi.mock('../../../src/daemon/secret.ts', () => ({ readManagedPythonDaemonToken: fake.token }));
const { runEmbedCommand } = await import('../../../src/cli/commands/embed-command.ts');

type OnVectors = (items: readonly TextItem[], vectors: readonly Buffer[]) => Promise<void>;
const VECTOR = Buffer.alloc(384 * 4);
/** One portion at a time, as the real one. */
const embedAll = async (_daemon: object, items: readonly TextItem[], start: number, onVectors: OnVectors) => {
  for (let at = start; at < items.length; at += 2) {
    const portion = items.slice(at, at + 2);
    await onVectors(
      portion,
      portion.map(() => VECTOR),
    );
  }
};

let cwd: string;
const manifest = { features: ['local-embeddings'] };
beforeEach(async () => {
  cwd = await temporaryFolder();
  for (const each of Object.values(fake)) each.mockReset();
  fake.ensure.mockResolvedValue({ layout: { runtimeRoot: '/r' }, manifest });
  fake.embed.mockImplementation(embedAll);
  fake.start.mockResolvedValue({ state: { port: 7 } });
  fake.token.mockResolvedValue('secret');
  fake.privately.mockImplementation(async (_options: object, work: (daemon: object) => Promise<void>) =>
    work({ port: 9 }),
  );
});

async function parsed(...argv: string[]): Promise<EmbedArgs> {
  const program = new Command();
  let found: EmbedArgs | null = null;
  addEmbed(program, async (args) => {
    found = args;
  });
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeErr: () => {} });
  await program.parseAsync(['embed', ...argv], { from: 'user' });
  return found!;
}

const ARGS: EmbedArgs = {
  texts: ['one', 'two\nlines', 'three'],
  inputPath: null,
  outputPath: null,
  format: 'jsonl',
  isDaemonUsed: true,
  installPolicy: 'prompt',
};

async function run(
  change: Partial<EmbedArgs> = {},
  deps: Partial<Parameters<typeof runEmbedCommand>[2]> = {},
) {
  const { io, printed } = capturedIo();
  const exitCode = await runEmbedCommand({ ...ARGS, ...change }, io, {
    cwd,
    projectDir: '/p',
    ...deps,
  }).catch((error: unknown) => error);
  return {
    exitCode,
    ...printed,
    rows: printed.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line)),
  };
}
const textsAsked = () => (fake.embed.mock.lastCall![1] as TextItem[]).map(({ text }) => text);

describe('the command line', () => {
  const given = {
    texts: ['a'],
    inputPath: null,
    outputPath: null,
    format: 'jsonl',
    isDaemonUsed: true,
    installPolicy: 'prompt',
  };
  test.each<[string[], object]>([
    [['a'], given],
    [['a', 'b'], { ...given, texts: ['a', 'b'] }],
    [['--input', '-'], { ...given, texts: [], inputPath: '-' }],
    [
      ['--input', 'f', '--output', 'o.npy'],
      { ...given, texts: [], inputPath: 'f', outputPath: 'o.npy', format: 'npy' },
    ],
    [
      ['--input', 'f', '--output', 'o.npy', '--format', 'jsonl'],
      { ...given, texts: [], inputPath: 'f', outputPath: 'o.npy' },
    ],
    [['a', '--output', 'o.jsonl'], { ...given, outputPath: 'o.jsonl' }],
    [['a', '--no-daemon', '--yes'], { ...given, isDaemonUsed: false, installPolicy: 'auto' }],
  ])('%j', async (argv, expected) => expect(await parsed(...argv)).toEqual(expected));

  test.each([
    [['a', '--input', 'f'], 'Give texts or --input, not both.'],
    [[], 'Give a text, or a file with --input.'],
    [['a', '--format', 'npy'], '--format npy needs a file: --output vectors.npy'],
    [['a', '--format', 'csv'], 'Allowed choices are'],
    [['--input', ''], '--input'],
    [['a', '--output', ''], '--output'],
  ])('%j is refused', async (argv, message) => {
    await expect(parsed(...argv)).rejects.toThrow(message);
  });
});

describe('texts', () => {
  it('of the command line may have line breaks', async () => {
    const { exitCode, rows, stderr } = await run();
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(rows.map(({ index, text }) => [index, text])).toEqual([
      [0, 'one'],
      [1, 'two\nlines'],
      [2, 'three'],
    ]);
  });

  it('of standard input are one a line', async () => {
    async function* stdin() {
      yield Buffer.from('"a"\nb');
      yield Buffer.from('c\n');
    }
    await run({ texts: [], inputPath: '-' }, { stdin: stdin() });
    expect(textsAsked()).toEqual(['"a"', 'bc']);
  });

  test.each([
    ['texts.txt', '"a"', ['"a"']],
    ['texts.jsonl', '"a"', ['a']],
    ['texts.NDJSON', '"a"', ['a']],
    ['jsonl', '"a"', ['"a"']],
    ['texts.jsonl.txt', '"a"', ['"a"']],
  ])('of a file named %s', async (name, content, texts) => {
    await writeFile(join(cwd, name), content);
    await run({ texts: [], inputPath: name });
    expect(textsAsked()).toEqual(texts);
  });

  it('of a file that is not there: nothing is installed', async () => {
    const { exitCode } = await run({ texts: [], inputPath: 'none' });
    expect(exitCode).toMatchObject({
      message: expect.stringMatching(/^There is no file at .*none\.$/),
      failureClass: 'conflict',
    });
    const folder = await run({ texts: [], inputPath: '.' });
    expect((folder.exitCode as Error).message).toContain('is a folder, not a file');
    expect(fake.ensure).not.toHaveBeenCalled();
  });
});

describe('the daemon', () => {
  it("is the project's, with its token", async () => {
    await run({ installPolicy: 'auto' });
    const cliVersion = programVersion();
    expect(fake.ensure).toHaveBeenCalledWith({
      cliVersion,
      installPolicy: 'auto',
      io: expect.anything(),
      feature: 'local-embeddings',
    });
    expect(fake.start).toHaveBeenCalledWith({
      cliVersion,
      projectDir: '/p',
      features: ['local-embeddings'],
      signal: expect.any(AbortSignal),
    });
    expect(fake.embed.mock.lastCall![0]).toEqual({ port: 7, token: 'secret' });
    fake.token.mockResolvedValue(null);
    await run();
    expect(fake.embed.mock.lastCall![0]).toEqual({ port: 7 });
  });

  it('is a private one with --no-daemon', async () => {
    await run({ isDaemonUsed: false });
    expect(fake.privately.mock.lastCall![0]).toMatchObject({
      manifest,
      cliVersion: programVersion(),
      runtimeRoot: '/r',
    });
    expect(fake.embed.mock.lastCall![0]).toEqual({ port: 9 });
    expect(fake.start).not.toHaveBeenCalled();
  });
});

describe('a file', () => {
  it('holds all vectors once it is there, and says where', async () => {
    const { exitCode, stdout, stderr } = await run({ outputPath: 'v.jsonl' });
    const path = join(cwd, 'v.jsonl');
    expect([exitCode, stdout, stderr]).toEqual([0, '', `3 vectors in ${path}\n`]);
    expect((await readFile(path, 'utf8')).trimEnd().split('\n')).toHaveLength(3);
  });

  it('is continued after what an earlier run kept', async () => {
    fake.embed.mockImplementation(
      async (daemon: object, items: TextItem[], start: number, onVectors: OnVectors) => {
        await embedAll(daemon, items.slice(0, 2), start, onVectors);
        throw new Error('stopped');
      },
    );
    const first = await run({ outputPath: 'v.jsonl' });
    expect((first.exitCode as Error).message).toBe('stopped');
    expect(first.stderr).toBe('2 vectors are kept; run the same command to continue\n');
    fake.embed.mockImplementation(embedAll);
    const second = await run({ outputPath: 'v.jsonl' });
    expect(second.exitCode).toBe(0);
    expect(second.stderr).toBe(`Continuing after 2 vectors\n3 vectors in ${join(cwd, 'v.jsonl')}\n`);
    expect(fake.embed.mock.lastCall![2]).toBe(2);
    const lines = (await readFile(join(cwd, 'v.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ index, text }) => [index, text])).toEqual([
      [0, 'one'],
      [1, 'two\nlines'],
      [2, 'three'],
    ]);
  });

  it('that failed before its first vector promises nothing', async () => {
    fake.embed.mockRejectedValue(new Error('no daemon'));
    expect((await run({ outputPath: 'v.jsonl' })).stderr).toBe('');
  });
});

describe('progress', () => {
  it('is shown on a terminal five times a second, and wiped at the end', async () => {
    let now = 1000;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    fake.embed.mockImplementation(
      async (_daemon: object, items: TextItem[], _start: number, onVectors: OnVectors) => {
        for (const [at, item] of items.entries()) {
          now += at === 2 ? 300 : 199;
          await onVectors([item], [VECTOR]);
        }
      },
    );
    const { stderr } = await run({}, { isStderrTty: true });
    vi.restoreAllMocks();
    expect(stderr).toBe('\r\x1b[K1 of 3 texts, 5 a second\r\x1b[K3 of 3 texts, 4 a second\r\x1b[K');
  });

  it('is not shown elsewhere', async () => {
    expect((await run({}, { isStderrTty: false })).stderr).toBe('');
  });
});
