import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codexCli } from '../../scripts/codex-cli.mjs';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { type LoopbackIndex, startLoopbackIndex } from '../fixtures/loopback-index.ts';
import { plainEnvironment, runProgram } from '../fixtures/program.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';
import { openWheelhouse } from '../fixtures/wheelhouse.ts';
import { openTerminal, type TestTerminal } from '../pty/terminal.ts';
import { codexCliName, isCodexCliPresent, newChildren, ownDescendants } from './real-codex.ts';
import { codexHome, hanging, type StandInAnswer, startStandIn, status, TEST_KEY, text } from './stand-in.ts';

/** Time limit on a busy machine for the CLI to start, ask and be answered. */
const PATIENCE_MS = 120_000;
const BEFORE = '# ours\nconnections: {} # none yet\nllm:\n  promptCaching: true\n';
const CHOICE = 'Language model of this project';

/** The program beside the Codex SDK, as `npm install ktx-setup @openai/codex-sdk` leaves both. */
async function installedLauncher(folder: string): Promise<string> {
  const modules = join(folder, 'node_modules');
  const copy = join(modules, 'ktx-setup');
  for (const name of ['bin', 'dist', 'assets', 'package.json'])
    await cp(join(PACKAGE_ROOT, name), join(copy, name), { recursive: true });
  await mkdir(join(modules, '@openai'));
  await symlink(codexCli().sdkPath, join(modules, '@openai', 'codex-sdk'), 'dir');
  return join(copy, 'bin', 'ktx.cjs');
}

describe.skipIf(!isCodexCliPresent || process.platform === 'win32')(
  `the wizard asks a model live (${codexCliName})`,
  { timeout: 2 * PATIENCE_MS },
  () => {
    let index: LoopbackIndex;
    let home: string;
    let launcher: string;
    beforeAll(async () => {
      index = await startLoopbackIndex(await openWheelhouse());
      home = await temporaryFolderForFile();
      launcher = await installedLauncher(home);
      for (const args of [
        ['admin', 'network', 'set', 'index', index.url],
        ['setup', '--yes', '--no-input'],
      ]) {
        const { exitCode, stderr } = await runProgram(args, { env: plainEnvironment(home), launcher });
        expect(exitCode, stderr).toBe(0);
      }
    }, PATIENCE_MS);
    afterAll(() => index.close());

    /** The wizard in a project, after the model was named and asked. */
    async function askedFor(model: string, answers: StandInAnswer[]) {
      const standIn = await startStandIn(answers);
      const { env } = await codexHome(standIn.url);
      const cwd = await temporaryFolder();
      const yamlPath = join(cwd, 'ktx.yaml');
      await writeFile(yamlPath, BEFORE);
      const before = new Set(ownDescendants());
      const terminal = openTerminal({
        command: process.execPath,
        args: [launcher, 'setup'],
        cwd,
        env: { ...plainEnvironment(home), CODEX_HOME: env.CODEX_HOME, OPENAI_API_KEY: TEST_KEY },
        rows: 30,
      });
      await terminal.until('› Check that it works', PATIENCE_MS);
      await pointAt(terminal, CHOICE);
      terminal.press('enter');
      await terminal.until('Which language model should this project use?', PATIENCE_MS);
      await pointAt(terminal, 'Codex subscription');
      terminal.press('enter');
      await terminal.until('enter takes gpt-5.5', PATIENCE_MS);
      await terminal.type(model);
      terminal.press('enter');
      await terminal.until('Asking codex', PATIENCE_MS);
      const leave = async () => {
        await terminal.until(`› ${CHOICE}`, PATIENCE_MS);
        await terminal.type('q');
        expect(await terminal.exited).toMatchObject({ exitCode: 0 });
        expect(terminal.output()).not.toContain(TEST_KEY);
        expect(newChildren(before)).toEqual([]);
      };
      return { terminal, standIn, leave, yaml: () => readFile(yamlPath, 'utf8') };
    }

    it('on an answer, shows what will be set, writes that and nothing else', async () => {
      const { terminal, standIn, leave, yaml } = await askedFor('', [text('ok')]);
      await terminal.until('› Write it to ktx.yaml', PATIENCE_MS);
      expect(terminal.text()).toContain('gpt-5.5 answered.');
      expect(terminal.text()).toContain('+ llm.provider.backend: codex');
      expect(await yaml()).toBe(BEFORE);
      expect(standIn.requests).toHaveLength(1);
      expect(standIn.requests[0]!.body.model).toBe('gpt-5.5');
      terminal.press('enter');
      await terminal.until('✓ The language model is chosen', PATIENCE_MS);
      const [kept, added] = [(await yaml()).slice(0, BEFORE.length), (await yaml()).slice(BEFORE.length)];
      expect(kept).toBe(BEFORE);
      expect(added).toMatch(/^ {2}provider:\n {4}backend: codex\n {2}models:\n {4}default: gpt-5\.5\n/);
      terminal.press('enter');
      await leave();
    });

    it.each([
      [
        'the login is not accepted',
        status(401, { error: { message: 'Your authentication token has expired.' } }),
        /Codex authentication is not usable[\s\S]*expired/,
      ],
      [
        'the account may not use the model',
        status(400, {
          detail: "The 'gpt-6' model is not supported when using Codex with a ChatGPT account.",
        }),
        /not supported when using\s+Codex/,
      ],
      [
        'too many requests',
        status(429, { error: { message: 'Rate limit reached' } }),
        /usage limit is reached[\s\S]*429/,
      ],
    ])('%s: the reason is shown, nothing is written', async (_name, answer, reason) => {
      const { terminal, leave, yaml } = await askedFor('gpt-6', [answer]);
      await terminal.until('codex (gpt-6) cannot be used', PATIENCE_MS);
      expect(terminal.text()).toMatch(reason);
      expect(terminal.text()).toContain('Nothing was written.');
      expect(terminal.text()).not.toContain('Write it to ktx.yaml');
      expect(await yaml()).toBe(BEFORE);
      await pointAt(terminal, 'Back');
      terminal.press('enter');
      await leave();
    });

    it('Ctrl+C ends the wait for an answer, and the CLI with it', async () => {
      const { terminal, standIn, leave, yaml } = await askedFor('', [hanging]);
      await expect.poll(() => standIn.requests.length, { timeout: PATIENCE_MS }).toBe(1);
      terminal.press('ctrl+c');
      await terminal.until('Which language model should this project use?', PATIENCE_MS);
      expect(await yaml()).toBe(BEFORE);
      terminal.press('escape');
      await leave();
    });
  },
);

async function pointAt(terminal: TestTerminal, label: string): Promise<void> {
  while (!terminal.text().includes(`› ${label}`)) {
    const shown = terminal.text();
    terminal.press('down');
    await terminal.until((now) => now !== shown, PATIENCE_MS);
  }
}
