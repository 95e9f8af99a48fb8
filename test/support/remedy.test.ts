import { describe, expect, it } from 'vitest';
import * as catalogue from '../../src/support/remedies.ts';
import { commandLine, type Remedy, remedy, remedyText } from '../../src/support/remedy.ts';

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

  it.runIf(process.platform !== 'win32')('quotes what a shell would take apart', () => {
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
