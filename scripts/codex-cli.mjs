// Downloads the real Codex CLI for the tests in test/models (`npm run codex:fetch`). At 411 MB unpacked it is
// too large for a dependency: it is kept in the user's cache folder, shared by all checkouts, and linked into
// node_modules.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '0.163.0';
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** `KTX_CODEX_CLI_CACHE`, which CI can keep between runs, or the user's cache folder. */
function cacheFolder() {
  const { KTX_CODEX_CLI_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const userCache = XDG_CACHE_HOME || LOCALAPPDATA || join(homedir(), '.cache');
  return join(KTX_CODEX_CLI_CACHE || join(userCache, 'ktx-setup', 'codex-cli'), VERSION);
}

/** Paths of the SDK and of this platform's CLI, which may not exist. */
export function codexCli() {
  const modules = join(cacheFolder(), 'node_modules', '@openai');
  const platformPackage = join(modules, `codex-${process.platform}-${process.arch}`);
  return {
    sdkPath: join(modules, 'codex-sdk'),
    isPresent: existsSync(join(modules, 'codex-sdk')) && existsSync(platformPackage),
    version: VERSION,
  };
}

function fetchCli() {
  const folder = cacheFolder();
  mkdirSync(dirname(folder), { recursive: true });
  const staged = mkdtempSync(`${folder}.`);
  writeFileSync(join(staged, 'package.json'), '{"private":true}\n');
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `@openai/codex-sdk@${VERSION}`];
  const npm = spawnSync('npm', args, { cwd: staged, stdio: 'inherit', shell: process.platform === 'win32' });
  if (npm.status !== 0) {
    rmSync(staged, { recursive: true, force: true });
    throw new Error('npm could not install the Codex SDK');
  }
  rmSync(folder, { recursive: true, force: true });
  renameSync(staged, folder);
}

/** For programs run from this checkout. `npm ci` removes the link. */
function linkIntoCheckout(sdkPath) {
  const link = join(root, 'node_modules', '@openai', 'codex-sdk');
  mkdirSync(dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })) rmSync(link, { recursive: true });
  symlinkSync(sdkPath, link, 'junction');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!codexCli().isPresent) fetchCli();
  linkIntoCheckout(codexCli().sdkPath);
  console.log(`Codex CLI ${VERSION}: ${codexCli().sdkPath}`);
}
