import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runProcess } from '../../src/process/run-process.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const PROGRAM = `
import { createCodexRuntimeMcpServer, runCodexAuthProbe, startCodexRuntimeMcpServer } from './dist/models.js';
const probe = await runCodexAuthProbe({ projectDir: '.', model: 'codex' });
const server = await startCodexRuntimeMcpServer({ projectDir: '.', toolSet: {} });
const { status } = await fetch(server.url);
await server.close();
console.log(JSON.stringify({ probe, status, isServer: typeof createCodexRuntimeMcpServer({ toolSet: {} }).connect }));
`;

/** As published: the bundle alone, without node_modules beside it. */
it('the published entry works without the SDK, which the probe then names', async () => {
  const folder = await temporaryFolder();
  await cp(join(import.meta.dirname, '../../dist'), join(folder, 'dist'), { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'program.js'), PROGRAM);
  const { stdout, stderr, exitCode } = await runProcess({
    command: process.execPath,
    args: ['program.js'],
    cwd: folder,
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const { probe, status, isServer } = JSON.parse(stdout);
  expect(probe).toMatchObject({ ok: false, kind: 'install' });
  expect(probe.message).toContain('npm install @openai/codex-sdk');
  expect([status, isServer]).toEqual([401, 'function']);
});
