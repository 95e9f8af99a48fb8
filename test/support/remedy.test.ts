import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import * as catalogue from '../../src/support/remedies.ts';
import { CONSENTS, commandLine, type Remedy, remedy, remedyText } from '../../src/support/remedy.ts';

const made: Remedy[] = [
  ...Object.values(catalogue).filter((each) => typeof each !== 'function'),
  catalogue.checkAddress('index.example'),
  catalogue.bypassProxy('index.example'),
  catalogue.writeProxyAs('http'),
  catalogue.writeProxyAs('https', 'proxy.example:3128'),
  catalogue.signInAt('https://portal.example/'),
  catalogue.askForAccess('files.example'),
  catalogue.allowHosts(['a.example', 'b.example']),
  catalogue.addLogin('index.example'),
  catalogue.otherPython('Choose another Python'),
  catalogue.thenSetup('Wait for it, then run'),
];

describe('the text of a remedy is derived from its data', () => {
  it('names the variables, then the words of the command', () => {
    expect(catalogue.PROXY_LOGIN.command).toBe(
      'HTTPS_PROXY=http://<user>:<password>@<proxy> HTTP_PROXY=http://<user>:<password>@<proxy> ktx setup',
    );
    expect(catalogue.allowHosts(['a.example', 'b.example']).command).toBe(
      'ktx setup --allow-host a.example --allow-host b.example',
    );
  });

  it('shows what to run when a person has done it', () => {
    expect(remedyText(catalogue.FREE_SPACE)).toBe(
      'Free some space, such as by deleting runtimes of other versions: ktx admin runtime prune --yes',
    );
    expect(remedyText(catalogue.CHECK_CLOCK)).toBe("Check this machine's clock.");
  });

  it.runIf(process.platform !== 'win32')('quotes words that a shell would split', () => {
    expect(commandLine(['ktx', 'setup', '--runtime-root', "/home/Ann's files"])).toBe(
      "ktx setup --runtime-root '/home/Ann'\\''s files'",
    );
    expect(commandLine(['ktx', '--python', '<path>; rm'])).toBe("ktx --python '<path>; rm'");
  });
});

it.each(made.map((each) => [each.id, each] as const))('%s names every value that it needs', (_, each) => {
  const texts = [
    ...(each.argv ?? []),
    ...(each.afterwards ?? []),
    ...Object.values(each.env),
    each.append?.line ?? '',
  ];
  const tokens = new Set(texts.flatMap((text) => text.match(/<[\w:-]+>/g) ?? []));
  expect(new Set(each.placeholders.map(({ token }) => token))).toEqual(tokens);
});

it('leaves what a person has to do without a command of its own', () => {
  const byHand = remedy('other', 'Plug the cable in', { afterwards: ['ktx', 'setup'] });
  expect(byHand.argv).toBeNull();
  expect(byHand.afterwards).toEqual(['ktx', 'setup']);
});

describe('a person is asked before', () => {
  it.each<[string, Remedy]>([
    ['deletes', catalogue.FREE_SPACE],
    ['deletes', catalogue.FREE_QUOTA],
    [
      'deletes',
      catalogue.otherRemedy('Forget them', { argv: ['ktx', 'admin', 'network', 'unset', '--all'] }),
    ],
    ['weakens', catalogue.allowHosts(['files.example'])],
    ['weakens', catalogue.setupAgain('Try anyway', ['--ignore-disk'])],
    ['machine', catalogue.mountExecutable('/srv')],
    ['machine', catalogue.otherRemedy('If the folder is yours', { argv: ['chown', '-R', '0', '/srv'] })],
  ])('something %s', (consent, each) => expect(each.consent).toBe(consent));

  it.each([
    catalogue.RETRY,
    catalogue.REBUILD,
    catalogue.OTHER_ROOT,
    catalogue.SAVE_REPORT,
    catalogue.CHECK_CLOCK,
    catalogue.RAISE_OPEN_FILES,
  ])('and not before $label', (each) => expect(each.consent).toBeNull());

  it('and the instructions for programs say so of each kind', async () => {
    const skill = await readFile(join(PACKAGE_ROOT, 'skills', 'ktx-setup', 'SKILL.md'), 'utf8');
    for (const word of ['consent', ...CONSENTS]) expect(skill).toContain(`\`${word}\``);
  });
});

it
  .runIf(process.platform !== 'win32')
  .each([catalogue.LIFT_FILE_LIMIT, catalogue.RAISE_PROCESSES, catalogue.LIFT_CPU_LIMIT])(
  'the shell of every system understands: $label',
  ({ argv }) => {
    const at = argv!.indexOf('ktx');
    const words = [...argv!.slice(0, at), 'echo', 'started'];
    const { stdout, stderr, status } = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' });
    expect({ stdout, stderr, status }).toEqual({ stdout: 'started\n', stderr: '', status: 0 });
  },
);
