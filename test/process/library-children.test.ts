import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { LibraryChildren } from '../../src/process/library-children.ts';
import { readProcessStart } from '../../src/process/process-table.ts';

const STUBBORN = 'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000);';

/** As a library would: it starts a process, and keeps it to itself. */
const startStubborn = () => spawn(process.execPath, ['-e', STUBBORN], { stdio: ['pipe', 'pipe', 'ignore'] });

describe.skipIf(process.platform === 'win32')('children that a library starts', () => {
  it('are ended, also when they ignore SIGTERM', async () => {
    const children = new LibraryChildren();
    const child = children.run(startStubborn);
    await once(child.stdout, 'data');
    await children.end();
    expect(readProcessStart(child.pid!)).toBeNull();
  });

  it('belong to whoever called the library, also what it starts later', async () => {
    const children = new LibraryChildren();
    const others = new LibraryChildren();
    async function* library() {
      yield 'nothing yet';
      await new Promise((resolve) => setImmediate(resolve));
      yield startStubborn();
    }
    const iterator = library();
    await others.run(() => iterator.next());
    const { value: child } = await children.run(() => iterator.next());
    if (typeof child !== 'object') throw new Error('the library started nothing');
    await once(child.stdout, 'data');
    await others.end();
    expect(readProcessStart(child.pid!)).not.toBeNull();
    await children.end();
    expect(readProcessStart(child.pid!)).toBeNull();
  });

  it('outside of it nothing is adopted', async () => {
    const children = new LibraryChildren();
    const child = children.run(() => LibraryChildren.outside(startStubborn));
    await once(child.stdout, 'data');
    await children.end();
    expect(readProcessStart(child.pid!)).not.toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('an error after the library has dropped its listeners is not an uncaught exception', async () => {
    const children = new LibraryChildren();
    const stop = new AbortController();
    const child = children.run(() =>
      spawn(process.execPath, ['-e', STUBBORN], { stdio: 'pipe', signal: stop.signal }),
    );
    await once(child.stdout, 'data');
    child.removeAllListeners();
    stop.abort();
    await children.end();
    expect(readProcessStart(child.pid!)).toBeNull();
  });

  it('a broken pipe to a child that has ended is no uncaught exception', async () => {
    const children = new LibraryChildren();
    const child = children.run(() => spawn(process.execPath, ['-e', ''], { stdio: 'pipe' }));
    child.stdin.write('x'.repeat(8 * 1024 * 1024));
    const [error] = await once(child.stdin, 'error');
    expect(error).toMatchObject({ code: expect.stringMatching(/EPIPE|ECONNRESET/) });
    await children.end();
  });

  it('a program that is not there', async () => {
    const children = new LibraryChildren();
    const child = children.run(() => spawn('/nowhere/program'));
    await once(child, 'error').catch(() => {});
    await children.end();
    expect(child.pid).toBeUndefined();
  });
});
