import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NETWORK_CAUSES, type NetworkReason } from '../../src/failure/causes/network-causes.ts';
import { type CatalogueFile, readCatalogue } from '../../src/language/catalogue.ts';
import { catalogueFile, speakLanguage } from '../../src/language/load.ts';
import { saidRemedy, saidStep } from '../../src/language/remedies.ts';
import { said, saidValue, speak, t } from '../../src/language/translate.ts';
import { joinFailures } from '../../src/network/errors/joined-failures.ts';
import { NetworkFailure } from '../../src/network/errors/network-failure.ts';
import { HOSTILE_PIECES } from '../fixtures/hostile-text.ts';

const FILE: CatalogueFile = {
  locale: 'de',
  units: { s: '{} Sek.', min: '{} Min.', h: '{} Std.' },
  ascii: {},
  texts: {
    'Nothing was changed.': 'Es wurde nichts geändert.',
    '{host} did not answer in {time}': '{host} hat {time} lang nicht geantwortet',
    '{size} to download from {hosts}': 'Download von {hosts}: {size}',
    '{n} check needs attention | {n} checks need attention': {
      one: '{n} Prüfung ist fällig',
      other: '{n} Prüfungen sind fällig',
    },
    '{n} file | {n} files': { one: '{n} Datei', other: '{n} Dateien' },
    'size unknown': 'Größe unbekannt',
    'asked: {reason!}': 'gefragt: {reason!}',
    'told: {reason?}': 'gesagt: {reason?}',
    'passed over: {reason?}': 'übergangen: {reason?}',
    '{done} of {total}': '{done} von {total}',
    '{n} package cannot be fetched. | {n} packages cannot be fetched.': {
      one: '{n} Paket ist nicht zu bekommen.',
      other: '{n} Pakete sind nicht zu bekommen.',
    },
    '{host?} refused the connection.': '{host?} hat die Verbindung abgelehnt.',
    '{host?} could not connect to {target}{status?}.': '{host?} hat {target} nicht erreicht{status?}.',
    '(signed by {issuer})': '(signiert von {issuer})',
    'Start it with ktx setup, then wait': 'Starten Sie es mit ktx setup, dann warten Sie',
  },
};

beforeEach(() => speak(readCatalogue(FILE, (text) => text)));
afterEach(() => speak(null));

describe('a text of a screen', () => {
  it('is English without a catalogue', () => {
    speak(null);
    expect(t`${'8.4 MB'} to download from ${'pypi.example'}`).toBe('8.4 MB to download from pypi.example');
  });

  it('puts its values where the language wants them', () => {
    expect(t`${'8.4 MB'} to download from ${'pypi.example'}`).toBe('Download von pypi.example: 8,4 MB');
  });

  it('is English as a whole when it has no translation', () => {
    expect(t`${'1.5 s'} of patience`).toBe('1.5 s of patience');
  });

  it('says of an unknown size that it is unknown', () => {
    expect(t`${'size unknown'} to download from ${'a'}`).toBe('Download von a: Größe unbekannt');
  });
});

describe('a text that arose below', () => {
  it.each([
    ['Nothing was changed.', 'Es wurde nichts geändert.'],
    ['pypi.example did not answer in 1 min 5 s', 'pypi.example hat 1 Min. 5 Sek. lang nicht geantwortet'],
    ['pypi.example did not answer in time', 'pypi.example did not answer in time'],
    ['1 check needs attention', '1 Prüfung ist fällig'],
    ['1,234 checks need attention', '1.234 Prüfungen sind fällig'],
    ['0 files', '0 Dateien'],
    ['asked: 1 file', 'gefragt: 1 Datei'],
    // What failed, and why.
    [
      '3 packages cannot be fetched: a.example refused the connection.',
      '3 Pakete sind nicht zu bekommen: a.example hat die Verbindung abgelehnt.',
    ],
    ['3 packages cannot be fetched: spawn ENOENT', '3 Pakete sind nicht zu bekommen: spawn ENOENT'],
    [
      'b.example: a.example:80 refused the connection.',
      'b.example: a.example:80 hat die Verbindung abgelehnt.',
    ],
    [
      'passed over: b.example: a.example refused the connection.',
      'übergangen: b.example: a.example hat die Verbindung abgelehnt.',
    ],
    [
      'something new: a.example refused the connection.',
      'something new: a.example hat die Verbindung abgelehnt.',
    ],
    // Neither of two values takes a piece of the other.
    ['a could not connect to b.example:8080.', 'a hat b.example:8080 nicht erreicht.'],
    ['a could not connect to b.example:8080 (407).', 'a hat b.example:8080 nicht erreicht (407).'],
    ['a could not connect to b (signed by C D).', 'a hat b nicht erreicht (signiert von C D).'],
    ['asked: something new', 'asked: something new'],
    ['', ''],
    ['Nothing was changed', 'Nothing was changed'],
  ])('%j is %j', (english, expected) => {
    expect(said(english)).toBe(expected);
    expect(said(english)).toBe(expected);
  });

  it('is not found by a few words between any others', () => {
    expect(said('one of these')).toBe('one of these');
    expect(t`${'3'} of ${'4'}`).toBe('3 von 4');
  });

  it('is found with the name that the program has', () => {
    speak(readCatalogue(FILE, (text) => text.replaceAll('ktx', 'acme')));
    expect(said('Start it with acme setup, then wait')).toBe(
      'Starten Sie es mit acme setup, dann warten Sie',
    );
    expect(said('Start it with ktx setup, then wait')).toBe('Starten Sie es mit acme setup, dann warten Sie');
  });
});

describe('values', () => {
  it.each([
    ['8.4 MB', '8,4 MB'],
    ['2.0 s', '2,0 Sek.'],
    ['9.9 s', '9,9 Sek.'],
    ['1 h 5 min', '1 Std. 5 Min.'],
    ['512 B', '512 B'],
    ['3.13', '3.13'],
    ['12.5 MBit', '12.5 MBit'],
  ])('%s by itself is %s', (english, expected) => {
    expect(saidValue(english)).toBe(expected);
  });

  it('never read as templates, and add nothing that was not in them', () => {
    for (const hostile of [...HOSTILE_PIECES, '{size}', '{host}', '$&', '$1', '{}', '(.*)+']) {
      expect(t`${'1 MB'} to download from ${hostile}`).toBe(`Download von ${hostile}: 1 MB`);
      expect(said(`1 MB to download from ${hostile}`)).toBe(`Download von ${hostile}: 1 MB`);
    }
  });

  it('that are longer than any sentence are not looked through', () => {
    const long = `1 MB to download from ${' to download from '.repeat(100_000)}`;
    expect(said(long)).toBe(long);
  });
});

describe('remedies', () => {
  const remedy = { label: 'Nothing was changed.', command: 'ktx setup --offline' } as never;

  it('keep their commands', () => {
    expect(saidRemedy(remedy)).toMatchObject({
      label: 'Es wurde nichts geändert.',
      command: 'ktx setup --offline',
    });
    expect(saidStep('Nothing was changed.: ktx setup --offline', [remedy])).toBe(
      'Es wurde nichts geändert.: ktx setup --offline',
    );
    expect(saidStep('Nothing was changed.', [remedy])).toBe('Es wurde nichts geändert.');
  });
});

describe('the languages of this program', () => {
  it.each(['de', 'ja'] as const)('%s leaves no reason of a network failure in English', (language) => {
    speakLanguage(language, { hasUnicode: true });
    const title = "3 of the runtime's packages cannot be fetched.";
    for (const reason of Object.keys(NETWORK_CAUSES) as NetworkReason[]) {
      const facts = { host: 'a.example', issuer: 'Acme CA', status: 418, schemes: ['NTLM'] };
      for (const proxy of [{}, { proxyHost: 'proxy.example:3128' }]) {
        const { message } = new NetworkFailure(reason, { ...facts, ...proxy });
        const why = said(message);
        expect([message, why]).not.toEqual([message, message]);
        expect(why).not.toMatch(/\b(?:the|is|not|of|signed|proxy could|The proxy)\b/);
        expect(said(joinFailures(title, [new NetworkFailure(reason, { ...facts, ...proxy })]).message)).toBe(
          `${said(title).replace(/[.。]$/, '')}: ${why}`,
        );
      }
    }
  });

  const REASONS = [
    'is Python 2',
    'does not run: it ended with exit code 3 (no module)',
    'could not be started: too many files are open (raise the limit: ulimit -n 1024)',
    'prints without end instead of answering',
    'prints at start: "hello"; /usr/lib/site.pth runs at each start, and uv cannot use such a Python',
    'prints at its end: "hello"; a .pth or sitecustomize.py in its site-packages may do it, and uv cannot use such a Python',
    'is the placeholder of the Microsoft Store, with no Python behind it',
    'is a shim of pyenv, which has not chosen a version that has it',
    'is a shim of pyenv, which has not chosen a version that has it; 3.11.4, 3.12.1 of its versions have it',
    'is PyPy, not CPython',
    'is Python 3.8.2; packages are locked for 3.13, 3.12 on linux-x64-gnu',
    'is a 32-bit build',
    'is a free-threaded build',
    'belongs to a conda environment, which conda may change or remove at any time',
    'lacks the standard modules venv, ssl',
    'lacks the standard modules venv; this system has them in a package of their own: apt install python3.12-venv',
  ];
  it.each(['de', 'ja'] as const)('%s leaves no reason against a Python in English', (language) => {
    speakLanguage(language, { hasUnicode: true });
    const english = /\b(?:is|does|not|which|lacks|belongs|prints|the|could|of its|locked for|cannot)\b/;
    for (const reason of REASONS) {
      const texts = [`The Python at /usr/bin/python3 cannot be used: it ${reason}.`];
      if (!reason.startsWith('does not run')) texts.push(`/usr/bin/python3: ${reason}`);
      for (const text of texts)
        expect([text, said(text)]).toEqual([text, expect.not.stringMatching(english)]);
    }
  });

  it.each([
    'pip.conf names /etc/acme.pem, which holds 2 damaged certificates.',
    'SSL_CERT_FILE names /etc/acme.pem, which holds no certificate.',
    'client-cert names /etc/acme.pem, whose private key has a passphrase, which cannot be entered here; it is left out.',
    'The pip configuration /etc/pip.conf is in UTF-16, which other tools refuse; save it as UTF-8.',
    'The pip configuration /etc/pip.conf is left out: line 3 is not a setting',
    'index was not stored: its scheme is not supported; it must start with https:// or http://.',
    'index was not stored: nothing is at /srv/wheels.',
    'The network settings of ktx cannot be read: it holds no settings of ktx',
    'The uv at /home/ada/uv disappeared while it was in use.',
    'The program that was given with --uv is not uv: /usr/bin/uvx.',
  ])('reasons of settings and of uv are translated in their sentence: %s', (text) => {
    for (const language of ['de', 'ja'] as const) {
      speakLanguage(language, { hasUnicode: true });
      expect(said(text)).not.toMatch(/\b(?:is|the|which|not|names|while|has|nothing|holds|with)\b/);
    }
  });

  it.each(['de', 'ja'] as const)('%s has reasons as phrases, which are translated too', (language) => {
    const raw = Object.keys(catalogueFile(language).texts).filter((key) =>
      /\{(?:reason|detail|what|why)\}/.test(key),
    );
    expect(raw).toEqual([]);
  });

  it.each([
    ['de', true, 'Es wurde nichts geändert.'],
    ['de', false, 'Es wurde nichts geaendert.'],
    ['ja', true, '何も変更されていません。'],
    ['en', true, 'Nothing was changed.'],
  ] as const)('%s, Unicode: %s', (language, hasUnicode, expected) => {
    speakLanguage(language, { hasUnicode });
    expect(said('Nothing was changed.')).toBe(expected);
  });

  it.each([
    ['de', '1 check', '1 Prüfung'],
    ['de', '2 checks', '2 Prüfungen'],
    ['de', '1,200 packages', '1.200 Pakete'],
    ['ja', '1 check', '検査1件'],
    ['ja', '2 checks', '検査2件'],
    ['ja', '1,200 packages', 'パッケージ1,200個'],
  ] as const)('%s: %s is %s', (language, english, expected) => {
    speakLanguage(language, { hasUnicode: true });
    expect(said(english)).toBe(expected);
  });
});
