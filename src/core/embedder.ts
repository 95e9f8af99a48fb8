// biome-ignore lint/style/noRestrictedImports: reads package.json of the running program once, synchronously, since layouts are computed synchronously
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { PACKAGE_ROOT } from '../support/package-root.ts';
import { setProgramName } from '../support/program-name.ts';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from './features.ts';
import { setProgramVersion } from './program-version.ts';

/** A program that embeds this library and installs a wheel of its own. */
export interface KtxEmbedder {
  /** Keeps its environments apart from those of other programs: lower-case letters, digits and hyphens. */
  name: string;
  /** Folder with `manifest.json` and the wheel. */
  assetDir: string;
  /** Console script in the wheel that serves `serve-http`. Default: `ktx-daemon`. */
  command?: string;
  /** The command that people type, used in every text. Default: `ktx`. */
  program?: string;
  /** The version that its commands install and print. Default: this package's version. */
  version?: string;
  /** How the features are described to its users. */
  features?: Partial<Record<KtxRuntimeFeature, FeatureWords>>;
}

/** A short title and a one-line description. */
export interface FeatureWords {
  title: string;
  description: string;
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const COMMAND = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]*$/;
/** The key in `package.json`. */
const KEY = 'ktx-setup';
/** Separates a version from its embedder in the name of a folder: `0.3.0+wheel.acme`. */
const MARK = 'wheel.';

let declared: KtxEmbedder | null | undefined;

/**
 * Declares, once per process, whose wheel is installed: from then on every call without an `assetDir` uses
 * that wheel, in environments of its own (`<runtimeRoot>/<cliVersion>+wheel.<name>`) that never replace those
 * of another program. Without this call, the key `ktx-setup` in the running program's nearest `package.json`
 * applies.
 * @throws Error for a bad name or command, a path that is not absolute, or a second, different declaration.
 */
export function configureKtxSetup(embedder: KtxEmbedder): void {
  const next = checked(embedder, 'configureKtxSetup');
  if (declared && JSON.stringify(declared) !== JSON.stringify(next)) {
    throw new Error(
      `configureKtxSetup: this process already installs the wheel of ${declared.name} (${declared.assetDir})`,
    );
  }
  declare(next);
}

/** The program whose wheel this process installs; `null` for ours. */
export function declaredEmbedder(): KtxEmbedder | null {
  if (declared === undefined) declare(embedderOfProgram(process.argv[1]));
  return declared ?? null;
}

/** The console script in the wheel that serves `serve-http`. */
export function daemonCommandName(): string {
  return declaredEmbedder()?.command ?? 'ktx-daemon';
}

function declare(embedder: KtxEmbedder | null): void {
  declared = embedder;
  setProgramName(embedder?.program ?? 'ktx');
  setProgramVersion(embedder?.version);
}

/** For tests: resets the declaration. */
export function forgetEmbedder(): void {
  declared = undefined;
  setProgramName('ktx');
  setProgramVersion(undefined);
}

/**
 * The declaration in the `package.json` that a program belongs to: `"ktx-setup": { "assets": "assets/python"
 * }`, with `name` and `version` (default: the package's), `command`, `program` and `features` as in
 * `configureKtxSetup`; `assets` is relative to `package.json`.
 * @throws Error naming the file when the declaration is invalid.
 */
export function embedderOfProgram(program: string | undefined): KtxEmbedder | null {
  if (!program || !isAbsolute(program)) return null;
  let folder: string;
  try {
    folder = dirname(realpathSync(program));
  } catch {
    return null;
  }
  for (;;) {
    // Our own package: skip reading its package.json, which most starts would otherwise do for nothing.
    if (resolve(folder) === resolve(PACKAGE_ROOT)) return null;
    const path = join(folder, 'package.json');
    const found = readPackage(path);
    if (found !== null) return embedderOfPackage(found, path);
    if (dirname(folder) === folder) return null;
    folder = dirname(folder);
  }
}

function readPackage(path: string): Record<string, unknown> | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Record<string, unknown> | null) : {};
  } catch {
    // Not our concern: Node reports it where it matters.
    return {};
  }
}

function embedderOfPackage(found: Record<string, unknown>, path: string): KtxEmbedder | null {
  const declaration = found[KEY];
  if (declaration === undefined) return null;
  const where = `"${KEY}" in ${path}`;
  if (typeof declaration !== 'object' || declaration === null) throw new Error(`${where} is not an object`);
  const fields = declaration as Record<string, unknown>;
  const { assets, name = packageWord(found['name']), version = found['version'], features } = fields;
  if (typeof assets !== 'string' || assets === '') throw new Error(`${where} has no "assets": a folder`);
  if (typeof name !== 'string') throw new Error(`${where} has no "name"`);
  const text = (field: string, value: unknown) => {
    if (value !== undefined && typeof value !== 'string')
      throw new Error(`${where}: "${field}" is not a string`);
    return value === undefined ? {} : { [field]: value };
  };
  return checked(
    {
      name,
      assetDir: resolve(dirname(path), assets),
      ...text('command', fields['command']),
      ...text('program', fields['program']),
      ...text('version', version),
      ...(features === undefined ? {} : { features: features as KtxEmbedder['features'] }),
    },
    where,
  );
}

/** `@acme/data-tool` as `acme-data-tool`. */
function packageWord(name: unknown): string | undefined {
  if (typeof name !== 'string') return undefined;
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
}

function checked(embedder: KtxEmbedder, where: string): KtxEmbedder {
  const { name, assetDir, command, program, version, features } = embedder;
  if (!NAME.test(name)) {
    throw new Error(`${where}: the name "${name}" is not made of lower-case letters, digits and hyphens`);
  }
  if (!isAbsolute(assetDir)) throw new Error(`${where}: the folder ${assetDir} is not an absolute path`);
  if (command !== undefined && !COMMAND.test(command)) {
    throw new Error(`${where}: "${command}" is not the name of a console script`);
  }
  if (program !== undefined && !COMMAND.test(program)) {
    throw new Error(`${where}: "${program}" is not the name of a program`);
  }
  if (version !== undefined && !VERSION.test(version)) {
    throw new Error(`${where}: "${version}" is not a version`);
  }
  for (const [feature, words] of Object.entries(features ?? {})) {
    const isKnown = (RUNTIME_FEATURES as readonly string[]).includes(feature);
    if (!isKnown || typeof words?.title !== 'string' || typeof words.description !== 'string') {
      throw new Error(`${where}: "features" has title and description for ${RUNTIME_FEATURES.join(' and ')}`);
    }
  }
  return { ...embedder, assetDir: resolve(assetDir) };
}

/** The folder name of a CLI version that belongs to an embedder. */
export function embeddedVersionName(cliVersion: string, { name }: Pick<KtxEmbedder, 'name'>): string {
  return `${cliVersion}${cliVersion.includes('+') ? '.' : '+'}${MARK}${name}`;
}

/** The embedder that a version folder belongs to; `null` for ours. */
export function ownerOfVersionName(folder: string): string | null {
  return /[+.]wheel\.([a-z0-9-]+)$/.exec(folder.slice(Math.max(0, folder.indexOf('+'))))?.[1] ?? null;
}

/** Whether a version folder, of any version, belongs to the running program. */
export function isOwnVersionName(folder: string): boolean {
  return ownerOfVersionName(folder) === (declaredEmbedder()?.name ?? null);
}
