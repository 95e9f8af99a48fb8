import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program of others that asks something when it starts. */
export interface Peer {
  name: string;
  command: string;
  args: readonly string[];
  cwd?: string;
  /** Sent when the process starts. */
  keys?: string;
  /** On the screen, it says that the first prompt stands. */
  shows: RegExp;
}

export interface Missing {
  name: string;
  why: string;
}

/** The smallest program that asks with a library: what a set-up program made with it cannot be quicker than. */
const CLACK = `import { select } from '@clack/prompts';
await select({ message: 'What should it do?', options: [{ value: 'core', label: 'Core' }, { value: 'more', label: 'More' }] });
`;
const INK = `import { createElement as h } from 'react';
import { Box, render, Text } from 'ink';
import { Select } from '@inkjs/ui';
render(h(Box, { flexDirection: 'column' }, h(Text, null, 'What should it do?'),
  h(Select, { options: [{ value: 'core', label: 'Core' }, { value: 'more', label: 'More' }] })));
`;

interface Wanted {
  packages: readonly string[];
  name: string;
  program: string | { file: string; text: string };
  args?: readonly string[];
  shows: RegExp;
}

const WANTED: readonly Wanted[] = [
  {
    name: '@clack/prompts, a select alone',
    packages: ['@clack/prompts'],
    program: { file: 'clack.mjs', text: CLACK },
    shows: /What should it do/,
  },
  {
    name: 'Ink with @inkjs/ui, a select alone',
    packages: ['ink', 'react', '@inkjs/ui'],
    program: { file: 'ink.mjs', text: INK },
    shows: /What should it do/,
  },
  { name: 'create-vite', packages: ['create-vite'], program: 'create-vite', shows: /Project name/ },
  {
    name: 'create-next-app',
    packages: ['create-next-app'],
    program: 'create-next-app',
    shows: /What is your project named/,
  },
  { name: 'gemini-cli (Ink)', packages: ['@google/gemini-cli'], program: 'gemini', shows: /Do you trust/ },
  {
    name: 'qwen-code (Ink)',
    packages: ['@qwen-code/qwen-code'],
    program: 'qwen',
    shows: /Connect a Provider|Do you trust/,
  },
];

/** Programs that would belong into the table, and why they are not in it. */
const KNOWN_MISSING: readonly Missing[] = [
  { name: 'create-astro', why: 'it ends without its template host' },
  { name: 'fast-cli (Ink)', why: 'it asks nothing, it measures a network' },
  { name: '@shopify/cli (Ink)', why: 'it asks nothing before a login in a browser' },
];

/** Installs them with npm into a folder of their own. What npm does not get is named, not left out in silence. */
export function installPrograms(folder: string): { peers: Peer[]; missing: Missing[] } {
  mkdirSync(join(folder, 'project'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
  const peers: Peer[] = [];
  const missing = [...KNOWN_MISSING];
  for (const { name, packages, program, args = [], shows } of WANTED) {
    const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    const { status, stderr } = spawnSync('npm', [...install, ...packages], { cwd: folder, encoding: 'utf8' });
    if (status !== 0) {
      missing.push({ name, why: `npm: ${stderr.trim().split('\n')[0]}` });
      continue;
    }
    const script =
      typeof program === 'string' ? join(folder, 'node_modules/.bin', program) : join(folder, program.file);
    if (typeof program !== 'string') writeFileSync(script, program.text);
    peers.push({
      name,
      command: process.execPath,
      args: [script, ...args],
      cwd: join(folder, 'project'),
      shows,
    });
  }
  return { peers, missing };
}
