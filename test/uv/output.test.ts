import { describe, expect, it } from 'vitest';
import type { UvPhase } from '../../src/core/events.ts';
import { createLineAssembler } from '../../src/process/line-assembler.ts';
import { createLinePartFinder } from '../../src/support/text/line-parts.ts';
import { createRedactor } from '../../src/support/text/redaction.ts';
import { parseUvBatch, parseUvDuration, parseUvLine, UV_WORDS } from '../../src/uv/output.ts';

type Row = [
  line: string,
  phase: UvPhase,
  count: number | null,
  name: string | null,
  durationMs: number | null,
];

/** Lines that uv 0.11.21 printed into a pipe. */
const LINES: Row[] = [
  ['Using Python 3.11.7 environment at: env', 'using-python', null, '3.11.7', null],
  ['Using CPython 3.11.7 interpreter at: /opt/python/bin/python', 'using-python', null, '3.11.7', null],
  ['Using CPython 3.13.14', 'using-python', null, '3.13.14', null],
  ['Creating virtual environment at: v1', 'creating-environment', null, 'v1', null],
  ['Creating virtual environment at: /a b/v 1', 'creating-environment', null, '/a b/v 1', null],
  ['Building foo==1.0', 'building', null, 'foo==1.0', null],
  ['Built foo==1.0', 'built', null, 'foo==1.0', null],
  ['Downloaded numpy', 'downloaded', null, 'numpy', null],
  ['Resolved 1 package in 3ms', 'resolved', 1, null, 3],
  ['Resolved 53 packages in 393ms', 'resolved', 53, null, 393],
  ['Downloading numpy (16.1MiB)', 'downloading', null, 'numpy', null],
  [
    'Downloading cpython-3.13.15-linux-x86_64-gnu (download) (32.7MiB)',
    'downloading',
    null,
    'cpython-3.13.15-linux-x86_64-gnu',
    null,
  ],
  [' Downloaded numpy', 'downloaded', null, 'numpy', null],
  [
    ' Downloaded cpython-3.13.15-linux-x86_64-gnu (download)',
    'downloaded',
    null,
    'cpython-3.13.15-linux-x86_64-gnu',
    null,
  ],
  [' Downloading numpy (16.1MiB)', 'downloading', null, 'numpy', null],
  ['   Building foo==1.0', 'building', null, 'foo==1.0', null],
  ['   Building foo @ file:///tmp/p', 'building', null, 'foo @ file:///tmp/p', null],
  ['      Built foo @ file:///tmp/p', 'built', null, 'foo @ file:///tmp/p', null],
  ['Prepared 24 packages in 21.3s', 'prepared', 24, null, 21_300],
  ['Prepared 1 package in 0.20ms', 'prepared', 1, null, 0.2],
  ['Uninstalled 1 package in 0.79ms', 'uninstalled', 1, null, 0.79],
  ['Installed 53 packages in 1m 02s', 'installed', 53, null, 62_000],
  ['Checked 53 packages in 0.02ms', 'checked', 53, null, 0.02],
  ['Audited 2 packages in 4ms', 'checked', 2, null, 4],
  [' + torch==2.13.0', 'package-added', null, 'torch==2.13.0', null],
  [
    ' + kaelio-ktx==0.1.0 (from file:///a/kaelio_ktx-0.1.0-py3-none-any.whl)',
    'package-added',
    null,
    'kaelio-ktx==0.1.0',
    null,
  ],
  [' ~ foo==1.0 (from file:///tmp/p)', 'package-added', null, 'foo==1.0', null],
  [' - foo==1.0', 'package-removed', null, 'foo==1.0', null],
  ['Installed Python 3.13.14 in 1.40s', 'python-installed', null, '3.13.14', 1400],
  ['Installed 2 versions in 3.2s', 'python-installed', 2, null, 3200],
  [' + cpython-3.13.14-linux-x86_64-gnu', 'python-installed', null, 'cpython-3.13.14-linux-x86_64-gnu', null],
  [
    ' + cpython-3.13.14-linux-x86_64-gnu (python3.13)',
    'python-installed',
    null,
    'cpython-3.13.14-linux-x86_64-gnu',
    null,
  ],
  [' + my-cpython-3==1.0', 'package-added', null, 'my-cpython-3==1.0', null],
  [' + cpython-3==1.0', 'package-added', null, 'cpython-3==1.0', null],
  [' + pypy-7.3.20-linux', 'python-installed', null, 'pypy-7.3.20-linux', null],
  [' + graalpy-24.1-linux', 'python-installed', null, 'graalpy-24.1-linux', null],
  [' + pyodide-0.28-linux', 'python-installed', null, 'pyodide-0.28-linux', null],
  ['Using GraalPy 24.1 interpreter at: /g', 'using-python', null, '24.1', null],
  ['Using PyPy 7.3 interpreter at: /g', 'using-python', null, '7.3', null],
  ['Creating virtual environment with seed packages at: v1', 'creating-environment', null, 'v1', null],
  ['Prepared 3 files in 2ms', 'prepared', 3, null, 2],
  ['Prepared 1 file in 2ms', 'prepared', 1, null, 2],
  [
    'error: Failed to create virtual environment',
    'error',
    null,
    'Failed to create virtual environment',
    null,
  ],
  [
    '  × No solution found when resolving dependencies:',
    'error',
    null,
    'No solution found when resolving dependencies:',
    null,
  ],
  [
    '  x No solution found when resolving dependencies:',
    'error',
    null,
    'No solution found when resolving dependencies:',
    null,
  ],
  ['warning: `VIRTUAL_ENV=x` does not match', 'warning', null, '`VIRTUAL_ENV=x` does not match', null],
  ['hint: Use the `--clear` flag', 'hint', null, 'Use the `--clear` flag', null],
  ['help: something older', 'hint', null, 'something older', null],
];

describe('uv output', () => {
  it.each(LINES)('%s', (line, phase, count, name, durationMs) => {
    expect(parseUvLine(line)).toEqual({ phase, count, name, durationMs });
  });

  it.each([
    '',
    ' ',
    'Activate with: source v1/bin/activate',
    '  Caused by: A virtual environment already exists at: v1',
    '  ╰─▶ Because nosuchpkg was not found in the cache',
    'Bytecode compiled 13 files in 35ms',
    'Found 5 incompatibilities',
    'The package `a` requires `b>=1`, but it is not installed',
    ' - cpython-3.12.1-linux-x86_64-gnu',
    'DEBUG uv 0.11.21',
    'Downloads are off',
    'Building',
    'Resolved nothing in 3ms',
    'Installed something else',
    'errors are words too',
    'Extracting cpython-3.13.15-linux-x86_64-gnu',
    '  tip: to pass a value, use --',
    'Usage: uv pip install [OPTIONS]',
  ])('knows nothing of: %s', (line) => {
    expect(parseUvLine(line)).toBeNull();
  });

  /** Only a whole line of uv is one: the same words within a longer line are somebody else's. */
  it.each(LINES)('is nothing behind other words: %s', (line) => {
    for (const before of ['x', 'Re ', 'note: '])
      expect(parseUvLine(`${before}${line}`)?.phase ?? null).toBeNull();
  });

  it.each([
    ['Resolved 53 packages', null],
    ['Resolved many packages in 3ms', null],
    ['Installed Python', null],
    ['Downloading', null],
    ['Using Ruby 3.1', null],
    ['error:', null],
    [' + ', null],
    [' my+ torch==2.13.0', null],
    [' * torch==2.13.0', null],
    ['Resolved 1 packages or so', null],
    ['Using Python', null],
    ['warning:', null],
    ['1m 2', 'duration'],
    ['x1s', 'duration'],
    ['1sx', 'duration'],
    ['1.s', 'duration'],
    ['1m02s', 'duration'],
  ])('half a line is nothing: %s', (text, kind) => {
    expect(kind === null ? parseUvLine(text) : parseUvDuration(text)).toBeNull();
  });

  const floodWith = (line: string): Buffer =>
    Buffer.from([...Array(50).fill('DEBUG Selecting: a==1 [compatible]'), line, 'TRACE y', ''].join('\n'));

  it.each(LINES)('is found in a flood: %s', (line, phase, count, name, durationMs) => {
    const assembler = createLineAssembler(undefined, createLinePartFinder(createRedactor(), UV_WORDS));
    const found = assembler.pushBatches(floodWith(line)).flatMap((batch) => [...parseUvBatch(batch)]);
    expect(found).toEqual([{ phase, count, name, durationMs }]);
  });

  it('of a flood without progress is not read again', () => {
    const assembler = createLineAssembler(undefined, createLinePartFinder(createRedactor(), UV_WORDS));
    const batches = assembler.pushBatches(floodWith('DEBUG Found fresh response'));
    expect(batches.map(({ mayHoldNotedWords }) => mayHoldNotedWords)).toEqual([false]);
  });

  it.each([
    ['1m 02s', 62_000],
    ['75m 30s', 4_530_000],
    ['21.34s', 21_340],
    ['393ms', 393],
    ['0.45ms', 0.45],
    ['soon', null],
    ['', null],
  ])('elapsed %j', (text, durationMs) => {
    expect(parseUvDuration(text)).toBe(durationMs);
  });
});
