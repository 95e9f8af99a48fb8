import { access, constants, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { errorCode, SetupError } from '../../support/errors.ts';
import { homeFolder } from '../../support/home/home-folder.ts';
import { otherRemedy } from '../../support/remedies.ts';
import { createRedactor } from '../../support/text/redaction.ts';
import {
  AddressError,
  LoginCutOffError,
  type ReadAddress,
  readAddress,
  readProxyAddress,
} from '../address/address.ts';
import { readCertificateFiles } from './certificates.ts';
import { STORED_SETTINGS, type StoredSettingName } from './setting-list.ts';

/** The variable that sets the same for one run. A login is allowed there, because it is not stored. */
const VARIABLE: Readonly<Record<Exclude<StoredSettingName, 'ca-file' | 'no-proxy'>, string>> = {
  index: 'PIP_INDEX_URL',
  'extra-index': 'PIP_EXTRA_INDEX_URL',
  'find-links': 'PIP_FIND_LINKS',
  proxy: 'HTTPS_PROXY',
  'python-mirror': 'UV_PYTHON_INSTALL_MIRROR',
  'official-mirror': 'UV_ASTRAL_MIRROR_URL',
  'model-hub': 'HF_ENDPOINT',
};

/** `user:password@`, `token@`: with or without a scheme, at the start of any entry. */
const LOGIN = /(?:^|[\s,]|:\/\/)[^\s,/?#]*@/;

/**
 * Validates a value of `ktx admin network set` and normalises it for storage: full addresses, absolute paths.
 * Contacts no host; files and folders must exist, because a wrong path would only surface in a failing
 * install.
 * @throws SetupError when it is invalid or may hold a secret; such a value is never repeated.
 */
export async function checkedSetting(name: StoredSettingName, value: string, cwd: string): Promise<string> {
  const { kind } = STORED_SETTINGS[name];
  // Checked first: the other errors quote the value.
  const hasLogin = kind !== 'certificates' && LOGIN.test(value);
  if (hasLogin || createRedactor().redact(value) !== value) throw secretRefusal(name);
  const text = value.trim();
  if (text === '') throw refusal(name, 'it is empty');
  switch (kind) {
    case 'hosts':
      if (!text.split(/[,\s]+/).every((entry) => entry === '' || isHostPattern(entry)))
        throw refusal(name, 'it is not a list of hosts, such as .example.com,10.0.0.0/8');
      return text;
    case 'certificates':
      return checkedCertificates(name, pathOf(name, addressOf(name, text, cwd).url));
    case 'proxy':
      return checkedAddress(name, text, cwd, /^https?:/);
    case 'address':
      return checkedAddress(name, text, cwd, /^(?:https?|file):/);
    case 'addresses': {
      const parts = text.split(/\s+/).map((part) => checkedAddress(name, part, cwd, /^(?:https?|file):/));
      return (await Promise.all(parts)).join(' ');
    }
  }
}

async function checkedAddress(
  name: StoredSettingName,
  text: string,
  cwd: string,
  schemes: RegExp,
): Promise<string> {
  const { url: address, login } = addressOf(name, text, cwd);
  if (login !== null) throw secretRefusal(name);
  const { protocol, search, hash } = new URL(address);
  if (!schemes.test(protocol)) throw refusal(name, `${protocol} is not supported`);
  // A page or index needs no query, and a token looks like any other word: `?access=…`, `?sv=…`.
  if (protocol !== 'file:' && (search !== '' || hash !== '')) {
    throw secretRefusal(name, 'what follows ? or # may be a token');
  }
  if (protocol === 'file:') {
    const path = pathOf(name, address);
    await stat(path).catch(() => {
      const isMaybeHost = !/^(?:file:|[./~\\]|[A-Za-z]:[/\\])/.test(text);
      const hint = isMaybeHost ? '; the address of a host starts with https://' : '';
      throw refusal(name, `nothing is at ${path}${hint}`);
    });
  }
  return address;
}

async function checkedCertificates(name: StoredSettingName, path: string): Promise<string> {
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw refusal(name, `${path} cannot be read (${errorCode(error)})`);
  });
  const { files } = await readCertificateFiles([{ value: path, origin: name }], homeFolder());
  if (files.length === 0) throw refusal(name, `there is no certificate in ${path}`);
  return path;
}

function addressOf(name: StoredSettingName, text: string, cwd: string): ReadAddress {
  try {
    if (STORED_SETTINGS[name].kind === 'proxy') return readProxyAddress(text);
    return readAddress(text, { baseDir: cwd, homeDir: homeFolder() });
  } catch (error) {
    if (error instanceof LoginCutOffError) throw secretRefusal(name);
    throw refusal(name, error instanceof AddressError ? error.message : 'it is not an address');
  }
}

function pathOf(name: StoredSettingName, address: string): string {
  try {
    return fileURLToPath(address);
  } catch {
    throw refusal(name, 'it is not a path');
  }
}

/** Accepts what `isBypassed` of `proxy.ts` supports. */
function isHostPattern(entry: string): boolean {
  if (entry === '*') return true;
  const range = /^\[?([^\]/[]+)\]?(?:\/\d{1,3})?(?::\d{1,5})?$/.exec(entry);
  if (range && isIP(range[1]!) > 0) return true;
  return /^(?:\*?\.)?[\w-]+(?:\.[\w-]+)*\.?(?::\d{1,5})?$/.test(entry);
}

function secretRefusal(name: StoredSettingName, seen?: string): SetupError {
  const { kind } = STORED_SETTINGS[name];
  const isAddress = kind === 'address' || kind === 'addresses';
  const variable = name === 'ca-file' || name === 'no-proxy' ? null : VARIABLE[name];
  const whole = isAddress ? 'https://<user>:<password>@<host>/…' : 'http://<user>:<password>@<proxy>';
  return new SetupError(`${name} was not stored: there is a login or a token in it.`, {
    failureClass: 'conflict',
    evidence: [...(seen === undefined ? [] : [seen]), 'ktx stores no secrets'],
    remedies: [
      otherRemedy(`Store it without the secret`, {
        argv: ['ktx', 'admin', 'network', 'set', name, `<${PLACEHOLDER[kind]}>`],
      }),
      ...(isAddress
        ? [otherRemedy('Put the login into ~/.netrc: machine <host> login <user> password <password>')]
        : []),
      ...(variable === null
        ? []
        : [otherRemedy(`Or give all of it by variable, at each run: ${variable}=${whole}`)]),
    ],
  });
}

function refusal(name: StoredSettingName, problem: string): SetupError {
  return new SetupError(`${name} was not stored: ${problem}.`, {
    failureClass: 'conflict',
    remedies: [
      otherRemedy(`Give it a ${PLACEHOLDER[STORED_SETTINGS[name].kind]}`, {
        argv: ['ktx', 'admin', 'network', 'set', name, '<value>'],
        needs: ['setting'],
      }),
    ],
  });
}

const PLACEHOLDER = {
  address: 'address',
  addresses: 'address …',
  proxy: 'host:port',
  hosts: 'host,host',
  certificates: 'PEM file',
} as const;
