import { resolve } from 'node:path';
import type { KtxRuntimeFeature } from '../../core/features.ts';
import type { PythonChoice } from '../../python/python-choice.ts';

/** The options of `ktx setup` as given: texts, not validated. */
export interface RawSetupFlags {
  feature?: KtxRuntimeFeature;
  yes?: boolean;
  /** `false` with `--no-input`. */
  input?: boolean;
  plain?: boolean;
  language?: string;
  json?: boolean;
  python?: string;
  uv?: string;
  indexUrl?: string;
  offline?: boolean;
  allowHost?: readonly string[];
  ignoreDisk?: boolean;
  runtimeRoot?: string;
  force?: boolean;
  dryRun?: boolean;
  bundle?: string;
  trust?: string;
  requireSignature?: boolean;
}

/** Parsed arguments of `ktx setup`. Paths are absolute. */
export interface SetupFlags {
  /** `null`: not given; the wizard asks, otherwise `core`. */
  feature: KtxRuntimeFeature | null;
  /** Consent to the plan, and to falling back to a system Python. */
  isYes: boolean;
  isInputAllowed: boolean;
  isPlain: boolean;
  /** A language tag, not validated; `null`: use the environment. */
  language: string | null;
  isJson: boolean;
  /** `null`: the choice of an earlier setup of this root, else `auto`. */
  python: PythonChoice | null;
  uvPath: string | null;
  indexUrl: string | null;
  isOffline: boolean;
  allowedHosts: readonly string[];
  shouldIgnoreDisk: boolean;
  runtimeRoot: string | null;
  shouldForce: boolean;
  /** Prints the plan and changes nothing. Asks nothing, so it needs no consent. */
  isDryRun: boolean;
  /** Installs from this file; no host is contacted. */
  bundlePath: string | null;
  trustFile: string | null;
  isSignatureRequired: boolean;
  projectDir: string;
}

/** Capabilities of the terminal. */
export interface TerminalTraits {
  isStdinTty: boolean;
  isStdoutTty: boolean;
  env: NodeJS.ProcessEnv;
}

/** The interface of a setup: `wizard` and `prompts` ask, `lines` and `json` do not. */
export type SetupMode = 'wizard' | 'prompts' | 'lines' | 'json';

/**
 * Validates the flags and resolves paths against `cwd`.
 * @throws Error naming the flag and its valid values. A value that may hold a password is never repeated.
 */
export function parseSetupFlags(
  raw: RawSetupFlags,
  context: { cwd: string; projectDir: string },
): SetupFlags {
  if (raw.bundle !== undefined && raw.dryRun)
    throw new Error(
      '--dry-run cannot be combined with --bundle. What a bundle holds: ktx bundle inspect <file>',
    );
  if (raw.bundle === undefined && (raw.trust !== undefined || raw.requireSignature))
    throw new Error('--trust and --require-signature go with --bundle');
  if (raw.bundle !== undefined && raw.indexUrl !== undefined)
    throw new Error('--bundle and --index-url cannot be combined: an install from a bundle asks no index');
  const path = (flag: string, value: string | undefined) =>
    value === undefined ? null : resolve(context.cwd, requireValue(flag, value));
  return {
    feature: raw.feature ?? null,
    isYes: raw.yes === true,
    isInputAllowed: raw.input !== false,
    isPlain: raw.plain === true,
    language: raw.language ?? null,
    isJson: raw.json === true,
    python: parsePython(raw.python, context.cwd),
    uvPath: path('--uv', raw.uv),
    indexUrl: parseIndexUrl(raw.indexUrl),
    isOffline: raw.offline === true,
    allowedHosts: (raw.allowHost ?? []).map(parseHost),
    shouldIgnoreDisk: raw.ignoreDisk === true,
    runtimeRoot: path('--runtime-root', raw.runtimeRoot),
    shouldForce: raw.force === true,
    isDryRun: raw.dryRun === true,
    bundlePath: path('--bundle', raw.bundle),
    trustFile: path('--trust', raw.trust),
    isSignatureRequired: raw.requireSignature === true,
    projectDir: context.projectDir,
  };
}

/** The flags that decide the interface. */
export type TalkFlags = Pick<SetupFlags, 'isDryRun' | 'isJson' | 'isYes' | 'isInputAllowed' | 'isPlain'>;

/** `ktx setup` without a flag. */
export const NO_FLAGS: TalkFlags = {
  isDryRun: false,
  isJson: false,
  isYes: false,
  isInputAllowed: true,
  isPlain: false,
};

/**
 * Chooses the interface.
 * @throws Error naming `--yes` when a question is needed and there is no one to ask.
 */
export function chooseSetupMode(flags: TalkFlags, terminal: TerminalTraits): SetupMode {
  const { env } = terminal;
  if (flags.isDryRun) return flags.isJson ? 'json' : 'lines';
  const silence = reasonForSilence(flags, terminal);
  if (!flags.isYes && silence !== null) {
    throw new Error(
      `Missing setup choice: pass --yes to install the ktx Python runtime without questions.${silence}`,
    );
  }
  if (flags.isJson) return 'json';
  if (flags.isYes) return 'lines';
  const isBasicTerminal = env['TERM'] === 'dumb' || isTruthy(env['INK_SCREEN_READER']);
  return flags.isPlain || isBasicTerminal ? 'prompts' : 'wizard';
}

/** Why no question can be asked, as a sentence to append; empty when a flag says so, `null` when it can. */
function reasonForSilence(flags: TalkFlags, { env, ...terminal }: TerminalTraits): string | null {
  if (!flags.isInputAllowed || flags.isJson) return '';
  if (!terminal.isStdinTty) return ' ktx cannot ask: the input is not a terminal.';
  if (!terminal.isStdoutTty) return ' ktx cannot ask: the output is not a terminal.';
  if (isTruthy(env['CI'])) return ` ktx asks nothing because CI=${env['CI']} is set; unset it to be asked.`;
  return null;
}

/** Commander takes the next word as a flag's value even if it is a flag: then the value is missing. */
export function requireValue(flag: string, value: string): string {
  if (value.trim() === '' || value.startsWith('-')) throw new Error(`${flag} requires a value`);
  return value;
}

function parsePython(value: string | undefined, cwd: string): PythonChoice | null {
  if (value === undefined) return null;
  requireValue('--python', value);
  if (value === 'auto' || value === 'managed' || value === 'system') return value;
  if (/[/\\]/.test(value)) return { path: resolve(cwd, value) };
  const version = /^(?:python|cpython[@-]?)?(3\.\d+(?:\.\d+)?)$/i.exec(value)?.[1];
  if (version !== undefined) return { version };
  throw new Error(
    `--python takes auto, managed, system, a version such as 3.13, or a path such as ./python3; got ${value}`,
  );
}

function parseIndexUrl(value: string | undefined): string | null {
  if (value === undefined) return null;
  requireValue('--index-url', value);
  if (!URL.canParse(value) || !/^(?:https?|file):$/.test(new URL(value).protocol)) {
    throw new Error('--index-url takes an http, https or file address');
  }
  return value;
}

function parseHost(value: string): string {
  requireValue('--allow-host', value);
  const host = value.toLowerCase();
  // `*.files.example` stands for the hosts of one storage service, as in a plan.
  const name = host.replace(/^\*\.(?=[^.]+\.)/, '');
  // A URL may hold any other `*`, and `*.com` would stand for half of all hosts.
  if (
    name.includes('*') ||
    !URL.canParse(`https://${name}`) ||
    new URL(`https://${name}`).hostname !== name
  ) {
    throw new Error('--allow-host takes a host name such as files.example.com, without scheme, port or path');
  }
  return host;
}

function isTruthy(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false'].includes(value.toLowerCase());
}
