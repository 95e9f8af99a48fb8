import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/support/package-root.ts';
import { plainEnvironment } from '../fixtures/program.ts';
import { temporaryFolderForFile } from '../fixtures/temporary-folder.ts';

/**
 * What another local user can do with a temporary folder that everybody shares: make Node's compile cache there first, with
 * bytecode of their own under the names and checksums of our modules.
 */
const FOREIGN_WORDS = 'foreign code ran';

let program: string;
let temporary: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  const folder = await temporaryFolderForFile();
  program = join(folder, 'program');
  temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  for (const name of ['bin', 'dist', 'package.json'])
    cpSync(join(PACKAGE_ROOT, name), join(program, name), { recursive: true });
  env = plainEnvironment(join(folder, 'home'), { TMPDIR: temporary, TEMP: temporary, TMP: temporary });
  plantForeignBytecode();
});

const launch = (launcher: string) =>
  spawnSync(process.execPath, [join(program, 'bin', launcher), '--version'], { env, encoding: 'utf8' });

it('runs its own code when somebody has planted bytecode in the temporary folder', () => {
  const planted = snapshot(temporary);
  const { stdout, stderr, status } = launch('ktx.cjs');
  expect({ stdout, stderr, status }).toEqual({
    stdout: expect.stringMatching(/^ktx \d/),
    stderr: '',
    status: 0,
  });
  expect(snapshot(temporary)).toEqual(planted);
});

it('would run the planted code with the compile cache of Node as it is', () => {
  const launcher = readFileSync(join(program, 'bin', 'launch.cjs'), 'utf8');
  writeFileSync(
    join(program, 'bin', 'cached.cjs'),
    `require('node:module').enableCompileCache();\n${launcher}`,
  );
  expect(launch('cached.cjs').stdout).toContain(FOREIGN_WORDS);
});

/**
 * Lets Node compile a foreign module of the same length in the place of ours, then puts the checksum of our source into the
 * entry that it kept. V8 asks for no more.
 */
function plantForeignBytecode(): void {
  const module_ = join(program, 'dist', 'cli.js');
  const source = readFileSync(module_);
  const foreign = Buffer.alloc(source.length, ' ');
  foreign.write(`console.log('${FOREIGN_WORDS}');export const main=async()=>0;`);
  const launcher = join(program, 'bin', 'attack.cjs');
  writeFileSync(
    launcher,
    `require('node:module').enableCompileCache();\nimport('../dist/cli.js').then((cli) => cli.main());`,
  );
  writeFileSync(module_, foreign);
  spawnSync(process.execPath, [launcher], { env });
  writeFileSync(module_, source);
  const cache = join(temporary, 'node-compile-cache');
  for (const version of readdirSync(cache))
    for (const name of readdirSync(join(cache, version))) {
      const path = join(cache, version, name);
      const entry = readFileSync(path);
      const at = entry.indexOf(checksum(foreign));
      if (at < 0) continue;
      checksum(source).copy(entry, at);
      writeFileSync(path, entry);
    }
}

function checksum(source: Buffer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc32(source));
  return bytes;
}

function snapshot(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort();
}
