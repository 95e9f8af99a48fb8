import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { signContents } from '../../src/bundle/sign.ts';
import { judgeSignature, parseAllowedSigners } from '../../src/bundle/signature.ts';
import { verifyBundle } from '../../src/bundle/verify.ts';
import { trustOf, writeSmallBundle } from '../fixtures/small-bundle.ts';
import { temporaryFolder, temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

const run = promisify(execFile);
const MESSAGE = Buffer.from('{"what":"is signed"}\n');
let folder: string;
let keys: Record<'ed25519' | 'rsa' | 'ecdsa' | 'other', string>;

async function makeKey(name: string, type: string): Promise<string> {
  const path = join(folder, name);
  await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', path]);
  return path;
}
const publicKey = async (path: string) =>
  (await readFile(`${path}.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
const signers = async (path: string, options = '') =>
  parseAllowedSigners(`release@example.com ${options}${options && ' '}${await publicKey(path)}\n`);

beforeAll(async () => {
  folder = await temporaryFolderForFile();
  keys = {
    ed25519: await makeKey('ed25519', 'ed25519'),
    rsa: await makeKey('rsa', 'rsa'),
    ecdsa: await makeKey('ecdsa', 'ecdsa'),
    other: await makeKey('other', 'ed25519'),
  };
});

describe('signatures that the real ssh-keygen made', () => {
  it.each(['ed25519', 'rsa'] as const)('%s is trusted, and named', async (type) => {
    const signature = await signContents(MESSAGE, keys[type]);
    const verdict = judgeSignature(MESSAGE, signature, await signers(keys[type]));
    expect(verdict).toMatchObject({ isTrusted: true, principals: 'release@example.com' });
    const { stdout } = await run('ssh-keygen', ['-l', '-f', `${keys[type]}.pub`]);
    expect(stdout).toContain(verdict.isTrusted ? verdict.fingerprint : 'none');
  });

  it('ssh-keygen -Y verify accepts what ktx signed', async () => {
    const place = await temporaryFolder();
    await writeFile(join(place, 'sig'), await signContents(MESSAGE, keys.ed25519));
    await writeFile(join(place, 'trust'), `me ${await publicKey(keys.ed25519)}\n`);
    const args = [
      '-Y',
      'verify',
      '-n',
      'ktx-bundle',
      '-I',
      'me',
      '-f',
      join(place, 'trust'),
      '-s',
      join(place, 'sig'),
    ];
    const verifying = run('ssh-keygen', args);
    verifying.child.stdin!.end(MESSAGE);
    await expect(verifying).resolves.toMatchObject({ stdout: expect.stringContaining('Good') });
  });

  it.each<[string, () => Promise<ReturnType<typeof judgeSignature>>, RegExp]>([
    [
      'of another message',
      async () =>
        judgeSignature(
          Buffer.from('other'),
          await signContents(MESSAGE, keys.ed25519),
          await signers(keys.ed25519),
        ),
      /does not fit/,
    ],
    [
      'of a key that is not trusted',
      async () =>
        judgeSignature(MESSAGE, await signContents(MESSAGE, keys.other), await signers(keys.ed25519)),
      /not in the trust file/,
    ],
    [
      'of an expired key',
      async () =>
        judgeSignature(
          MESSAGE,
          await signContents(MESSAGE, keys.ed25519),
          await signers(keys.ed25519, 'valid-before="20200101"'),
        ),
      /expired on 2020/,
    ],
    [
      'of a key that is not valid yet',
      async () =>
        judgeSignature(
          MESSAGE,
          await signContents(MESSAGE, keys.ed25519),
          await signers(keys.ed25519, 'valid-after="29990101Z"'),
        ),
      /valid from 2999/,
    ],
    [
      'of a key trusted for something else',
      async () =>
        judgeSignature(
          MESSAGE,
          await signContents(MESSAGE, keys.ed25519),
          await signers(keys.ed25519, 'namespaces="git,file"'),
        ),
      /trusted for git, file/,
    ],
    [
      'of another namespace',
      async () => {
        const file = join(folder, 'message');
        await writeFile(file, MESSAGE);
        await run('ssh-keygen', ['-Y', 'sign', '-q', '-n', 'git', '-f', keys.ed25519, file]);
        return judgeSignature(MESSAGE, await readFile(`${file}.sig`, 'utf8'), await signers(keys.ed25519));
      },
      /made for "git"/,
    ],
    [
      'of a type that is not supported',
      async () => judgeSignature(MESSAGE, await signContents(MESSAGE, keys.ecdsa), await signers(keys.ecdsa)),
      /not supported/,
    ],
    [
      'that is none',
      async () => judgeSignature(MESSAGE, 'hello', await signers(keys.ed25519)),
      /not an OpenSSH signature/,
    ],
    [
      'cut short',
      async () =>
        judgeSignature(
          MESSAGE,
          '-----BEGIN SSH SIGNATURE-----\nU1NIU0lH\n-----END SSH SIGNATURE-----\n',
          await signers(keys.ed25519),
        ),
      /ends too early/,
    ],
  ])('one %s is not', async (_name, judging, reason) => {
    const verdict = await judging();
    expect(verdict).toMatchObject({ isTrusted: false, reason: expect.stringMatching(reason) });
  });

  it('a flipped bit anywhere in a signature is found', async () => {
    const signature = await signContents(MESSAGE, keys.ed25519);
    const trusted = await signers(keys.ed25519);
    const raw = Buffer.from(signature.replace(/-----.*-----/g, ''), 'base64');
    for (let at = 0; at < raw.length; at++) {
      const copy = Buffer.from(raw);
      copy[at] = copy[at]! ^ 4;
      const armoured = `-----BEGIN SSH SIGNATURE-----\n${copy.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
      expect(judgeSignature(MESSAGE, armoured, trusted).isTrusted, `byte ${at}`).toBe(false);
    }
  });
});

describe('the trust file', () => {
  it('knows comments, quoted principals and several options', () => {
    const [key] = parseAllowedSigners(
      '# who signs\n\n"a b@example.com" namespaces="ktx-bundle",valid-before="20300102030405Z" ssh-ed25519 AAAA comment\n',
    );
    expect(key).toMatchObject({
      principals: 'a b@example.com',
      namespaces: ['ktx-bundle'],
      validAfter: null,
    });
    expect(key!.validBefore!.toISOString()).toBe('2030-01-02T03:04:05.000Z');
  });

  it.each([
    ['20300102Z', '2030-01-02T00:00:00.000Z'],
    ['203001020304Z', '2030-01-02T03:04:00.000Z'],
    ['20300102030405Z', '2030-01-02T03:04:05.000Z'],
    ['20300102', new Date('2030-01-02T00:00:00').toISOString()],
    ['20300102030405', new Date('2030-01-02T03:04:05').toISOString()],
  ])('knows the date %s', (text, iso) => {
    const [key] = parseAllowedSigners(`a valid-after="${text}" ssh-ed25519 AAAA\n`);
    expect(key!.validAfter!.toISOString()).toBe(iso);
    expect(key).toMatchObject({ namespaces: null, validBefore: null });
  });

  it.each([
    ['a line of something else', 'hello', /line 1/],
    [
      'an option that would change its meaning',
      'a cert-authority ssh-ed25519 AAAA',
      /cert-authority, which is not supported/,
    ],
    ['a date that is none', 'a valid-before="soon" ssh-ed25519 AAAA', /soon/],
    ['a date in a longer text', 'a valid-before="20300101Zx" ssh-ed25519 AAAA', /20300101Zx/],
    ['a date behind another text', 'a valid-before="x20300101" ssh-ed25519 AAAA', /x20300101/],
    ['half of a time', 'a valid-after="203001021" ssh-ed25519 AAAA', /203001021/],
  ])('refuses %s', (_name, text, message) => {
    expect(() => parseAllowedSigners(text)).toThrow(message);
  });
});

describe('a bundle', () => {
  it('signed by a trusted key is accepted where a signature is required', async () => {
    const path = await writeSmallBundle(await temporaryFolder(), {
      sign: (list) => signContents(list, keys.ed25519),
    });
    const trust = trustOf({ signers: await signers(keys.ed25519), isSignatureRequired: true });
    expect((await verifyBundle(path, trust)).signature).toMatchObject({ isTrusted: true });
  });

  it.each<[string, string, () => Promise<Parameters<typeof trustOf>[0]>, boolean]>([
    [
      'not signed',
      'not-signed',
      async () => ({ signers: await signers(keys.ed25519), isSignatureRequired: true }),
      false,
    ],
    ['signed, with nobody to trust', 'not-signed', async () => ({ isSignatureRequired: true }), true],
    [
      'signed by somebody else, although none is required',
      'signature',
      async () => ({ signers: await signers(keys.other) }),
      true,
    ],
  ])('%s is refused', async (_name, refusal, change, isSigned) => {
    const path = await writeSmallBundle(
      await temporaryFolder(),
      isSigned ? { sign: (list) => signContents(list, keys.ed25519) } : {},
    );
    await expect(verifyBundle(path, trustOf(await change()))).rejects.toMatchObject({ refusal });
  });
});

it('a key that cannot sign says what ssh-keygen said', async () => {
  await expect(signContents(MESSAGE, join(folder, 'absent'))).rejects.toMatchObject({
    failureClass: 'conflict',
    evidence: expect.arrayContaining([expect.stringMatching(/No such file|not found/)]),
  });
});
