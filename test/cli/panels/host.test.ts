import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runHostEffect } from '../../../src/cli/panels/host.ts';
import { readModelHostSettings } from '../../../src/hosts/project-files.ts';
import type { HostEffect } from '../../../src/wizard/panels/host-panel.ts';
import type { PanelAnswer } from '../../../src/wizard/panels/panels.ts';
import { type ModelHost, OLD_CONFIG, startModelHost } from '../../fixtures/model-host.ts';
import { missingForSsh } from '../../fixtures/ssh-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const missing = missingForSsh();
const title = missing === null ? 'with a real SSH server' : `with a real SSH server (left out: ${missing})`;

const hosts: ModelHost[] = [];
const { PATH } = process.env;
afterEach(async () => {
  process.env['PATH'] = PATH;
  vi.unstubAllEnvs();
  for (const host of hosts.splice(0)) await host.close();
});

describe.skipIf(missing !== null)(title, () => {
  it('one model is edited, compared and applied with a line a step; the connection is kept', async () => {
    const host = await startModelHost({ folder: await temporaryFolder() });
    hosts.push(host);
    process.env['PATH'] = `${host.ssh.binDir}:${PATH}`;
    const projectDir = await temporaryFolder();
    const told: PanelAnswer[] = [];
    const lent: boolean[] = [];
    const run = (effect: HostEffect, editor = 'false') =>
      runHostEffect(
        effect,
        {
          setup: {
            cliVersion: '0.3.0',
            features: ['core'],
            homeDir: projectDir,
            env: { ...process.env, EDITOR: editor },
          },
          tell: (answer) => told.push(answer),
          lendTerminal: async (work) => {
            lent.push(true);
            return work();
          },
        },
        { projectDir, cwd: projectDir },
      );

    expect(await run({ type: 'read-host', connection: null })).toEqual({ type: 'host-unknown' });
    const given = Object.fromEntries(
      Object.entries(host.connection).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const read = await run({ type: 'read-host', connection: given });
    if (read.type !== 'host-read') throw new Error(JSON.stringify(read));
    expect(read.facts).toMatchObject({ text: OLD_CONFIG, warnings: [] });
    const [model] = read.facts.models;
    expect(model).toBeDefined();
    expect(await readModelHostSettings(projectDir)).toMatchObject({ host: host.connection.host });
    // Saved, so it is read by itself the next time.
    expect((await run({ type: 'read-host', connection: null })).type).toBe('host-read');

    await writeFile(host.connection.configPath, Buffer.from(`# caf\xe9\n${OLD_CONFIG}`, 'latin1'));
    expect(await run({ type: 'read-host', connection: given })).toMatchObject({
      type: 'host-unreachable',
      lines: [`${host.connection.configPath} is not UTF-8 text. Edit it on the host.`],
    });
    await writeFile(host.connection.configPath, OLD_CONFIG);

    // Where the edited text lies: a folder of its own, since other runs share the machine's.
    const editsDir = await temporaryFolder();
    vi.stubEnv('TMPDIR', editsDir);
    const { connection } = read;
    const edit = { type: 'edit-host', connection, base: OLD_CONFIG, text: OLD_CONFIG } as const;
    await expect(run({ ...edit, model: null }, 'exit 3 #')).rejects.toThrow('ended with code 3');
    await expect(run({ ...edit, model: null }, `sh -c 'printf "# caf\\351" >> "$0"'`)).rejects.toThrow(
      'The editor did not save UTF-8 text',
    );
    const broken = await run({ ...edit, model: null }, 'sh -c \'echo "models: []" > "$0"\'');
    if (broken.type !== 'host-edited') throw new Error(broken.type);
    expect(broken.review.errors.length).toBeGreaterThan(0);

    const edited = await run({ ...edit, model: model! }, "sed -i 's/cmd: .*/cmd: serve other/'");
    if (edited.type !== 'host-edited') throw new Error(edited.type);
    expect(edited.review).toMatchObject({ errors: [], diff: expect.stringContaining('cmd: serve other') });
    expect(await host.read()).toBe(OLD_CONFIG);
    expect(lent).toHaveLength(4);
    expect(await readdir(editsDir)).toEqual([]);

    const applied = await run({ type: 'apply-host', connection, base: OLD_CONFIG, text: edited.review.text });
    expect(applied).toMatchObject({ type: 'host-applied', outcome: { isOk: true } });
    expect(told.map((answer) => answer.type)).toEqual(Array(5).fill('host-step'));
    expect(await host.read()).toBe(edited.review.text);
    const [backup] = await host.backups();
    expect(existsSync(backup!)).toBe(true);

    // Somebody else wrote meanwhile: what was edited from the old text is not applied.
    const late = await run({ type: 'apply-host', connection, base: OLD_CONFIG, text: OLD_CONFIG });
    expect(late).toMatchObject({ outcome: { isOk: false } });
    expect(await host.read()).toBe(edited.review.text);
  });

  it('a host that does not answer says so, with what helps', async () => {
    const projectDir = await temporaryFolder();
    const connection = {
      host: '127.0.0.1',
      user: 'nobody',
      keyPath: `${projectDir}/none`,
      configPath: '/etc/x.yaml',
      restartCmd: 'true',
      baseUrl: 'http://127.0.0.1:1',
    };
    const answer = await runHostEffect(
      { type: 'read-host', connection },
      { setup: { cliVersion: '0.3.0', features: ['core'] }, tell: () => {}, lendTerminal: (work) => work() },
      { projectDir, cwd: projectDir },
    );
    expect(answer).toMatchObject({ type: 'host-unreachable', connection });
    expect(await readModelHostSettings(projectDir)).toBeNull();
  });
});
