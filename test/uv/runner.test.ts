import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
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
