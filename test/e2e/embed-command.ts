import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn as spawnTerminal } from '@lydell/node-pty';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { type EmbeddingsRuntime, REFERENCE_ITEMS, wrongVectors } from '../fixtures/embeddings-runtime.ts';
import { LAUNCHER, runProgram } from '../fixtures/program.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

/** `ktx embed` as people call it, on an installed runtime whose project has a daemon. */
export function describeEmbedCommand(installed: () => EmbeddingsRuntime): void {
  describe('ktx embed', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await temporaryFolderForFile();
    });
    const embed = (...args: string[]) =>
      runProgram(['embed', ...args], { env: installed().env, cwd: installed().projectDir });
    const ITEMS = REFERENCE_ITEMS.filter(({ text }) => text.trim() !== '' && !/[\r\n]/.test(text));
    const lines = ITEMS.map(({ text }) => `${text}\n`).join('');
    const placed = async (name: string, content: string) => {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    };
    const jsonLines = (text: string) =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    /** Rows of a table of float32 as numpy writes it. */
    const npyRows = (file: Buffer): number[][] => {
      const start = 10 + file.readUInt16LE(8);
      const [, rows, columns] = /'shape': \((\d+), (\d+)\)/.exec(file.toString('latin1', 10, start))!;
      expect(file.length).toBe(start + 4 * Number(rows) * Number(columns));
      return Array.from({ length: Number(rows) }, (_, row) =>
        Array.from({ length: Number(columns) }, (__, at) =>
          file.readFloatLE(start + 4 * (row * Number(columns) + at)),
        ),
      );
    };

    it('texts of the command line, a JSON line each', async () => {
      const [first, second] = ITEMS;
      const { exitCode, stdout, stderr } = await embed(first!.text, second!.text);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const answers = jsonLines(stdout);
      expect(answers).toMatchObject([
        { index: 0, text: first!.text },
        { index: 1, text: second!.text },
      ]);
      expect(
        wrongVectors(
          [first!, second!],
          answers.map(({ embedding }) => embedding),
        ),
      ).toEqual([]);
    });

    it.each([
      ['with the daemon', []],
      ['without one', ['--no-daemon']],
    ])('a file of lines as a table for numpy, %s', async (name, flags) => {
      const input = await placed(`${name}.txt`, lines);
      const output = join(folder, `${name}.npy`);
      const before = await installed().daemonPids();
      const { exitCode, stdout, stderr } = await embed('--input', input, '--output', output, ...flags);
      expect({ exitCode, stdout, stderr }).toEqual({
        exitCode: 0,
        stdout: '',
        stderr: `${ITEMS.length} vectors in ${output}\n`,
      });
      expect(wrongVectors(ITEMS, npyRows(await readFile(output)))).toEqual([]);
      expect(await installed().daemonPids()).toEqual(before);
    });

    it('JSON lines with ids, as JSON lines', async () => {
      const input = await placed(
        'ids.jsonl',
        ITEMS.map(({ text }, index) => `${JSON.stringify({ id: `t${index}`, text })}\n`).join(''),
      );
      const { exitCode, stdout } = await embed('--input', input);
      expect(exitCode).toBe(0);
      const answers = jsonLines(stdout);
      expect(answers.map(({ id }) => id)).toEqual(ITEMS.map((_, index) => `t${index}`));
      expect(
        wrongVectors(
          ITEMS,
          answers.map(({ embedding }) => embedding),
        ),
      ).toEqual([]);
    });

    it.each(['SIGINT', 'SIGKILL'] as const)(
      'stopped by %s and run again, it goes on: the same file',
      async (signal) => {
        const input = await placed(
          `${signal}.txt`,
          Array.from({ length: 600 }, (_, at) => `${ITEMS[at % ITEMS.length]!.text} ${at}\n`).join(''),
        );
        const whole = join(folder, `${signal}-whole.npy`);
        expect((await embed('--input', input, '--output', whole)).exitCode).toBe(0);
        const output = join(folder, `${signal}.npy`);
        const args = ['--input', input, '--output', output];
        let kill: (signal: NodeJS.Signals) => void = () => {};
        const stopped = runProgram(['embed', ...args], {
          env: installed().env,
          cwd: installed().projectDir,
          onStart: (one) => {
            kill = one;
          },
        });
        await vi.waitFor(async () => expect((await stat(`${output}.partial`)).size).toBeGreaterThan(0), {
          timeout: 60_000,
          interval: 5,
        });
        kill(signal);
        expect((await stopped).exitCode).not.toBe(0);
        expect(existsSync(output)).toBe(false);
        const again = await embed(...args);
        expect(again.exitCode).toBe(0);
        expect(again.stderr).toMatch(/^Continuing after \d+ vectors\n600 vectors in /);
        expect((await readFile(output)).equals(await readFile(whole))).toBe(true);
        expect((await readdir(folder)).filter((name) => name.includes('.partial'))).toEqual([]);
      },
    );

    it('shows progress on a terminal', async () => {
      const input = await placed('progress.txt', 'a text\n'.repeat(300));
      const terminal = spawnTerminal(
        process.execPath,
        [LAUNCHER, 'embed', '--input', input, '--output', join(folder, 'progress.jsonl')],
        { env: installed().env as Record<string, string>, cwd: installed().projectDir },
      );
      let shown = '';
      terminal.onData((data) => {
        shown += data;
      });
      const { exitCode } = await new Promise<{ exitCode: number }>((resolve) => terminal.onExit(resolve));
      expect(exitCode).toBe(0);
      expect(shown).toMatch(/\d+ of 300 texts, \d+ a second/);
      expect(shown).toContain('300 vectors in ');
    });

    it.each([
      ['a line that is blank', 'blank.txt', 'a\n\nb\n', 'line 2 is blank'],
      ['a line that is not JSON', 'bad.jsonl', '"a"\n{\n', 'line 2 is not JSON'],
      ['nothing', 'empty.txt', '', 'has no text'],
    ])('refuses %s by its place, and writes nothing', async (_, name, content, message) => {
      const input = await placed(name, content);
      const output = join(folder, `${name}.npy`);
      const { exitCode, stdout, stderr } = await embed('--input', input, '--output', output);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toContain(message);
      expect((await readdir(folder)).filter((each) => each.startsWith(`${name}.npy`))).toEqual([]);
    });

    it('never writes over a file', async () => {
      const output = await placed('precious.npy', 'precious');
      const { exitCode, stderr } = await embed('a', '--output', output);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('is there already');
      expect(await readFile(output, 'utf8')).toBe('precious');
    });
  });
}
