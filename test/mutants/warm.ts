import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Copy, startWorker } from './copy.ts';
import type { FileResult, Task } from './worker.ts';

/** Beside four times what the files took without a mutant. */
const PATIENCE_MS = 60_000;

/** A warm vitest that is started again when a mutant made it stand still. */
export class Warm {
  #child: ChildProcess | null = null;
  #files: string[] = [];
  readonly #copy: Copy;
  readonly #projects: string;
  readonly #related: readonly string[];

  /** @param related files whose tests are wanted; empty for all */
  constructor(copy: Copy, projects: string, related: readonly string[]) {
    this.#copy = copy;
    this.#projects = projects;
    this.#related = related;
  }

  /** Every test file of the projects. */
  async files(): Promise<string[]> {
    await this.#start();
    return this.#files;
  }

  /**
   * Runs test files with a mutant on.
   *
   * @param active number of the mutant, or `record`
   * @param expectedMs what they take without one
   * @returns null when they stood still
   */
  async run(active: string, task: Task, expectedMs: number): Promise<FileResult[] | null> {
    writeFileSync(join(this.#copy.state, 'active'), active);
    const child = await this.#start();
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), PATIENCE_MS + 4 * expectedMs);
    const { signal } = over;
    const answer = once(child, 'message', { signal });
    const ended = once(child, 'exit', { signal }).then(() => null);
    child.send(task);
    const results = await Promise.race([
      answer.then(([message]) => (message as { results: FileResult[] }).results),
      ended,
    ]).catch(() => null);
    clearTimeout(timer);
    over.abort();
    await Promise.allSettled([answer, ended]);
    if (results === null) await this.end();
    return results;
  }

  async end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    process.kill(-child.pid!, 'SIGKILL');
    await ended;
  }

  async #start(): Promise<ChildProcess> {
    if (this.#child !== null) return this.#child;
    const child = startWorker(this.#copy, this.#projects, this.#related);
    this.#child = child;
    const failed = once(child, 'exit').then(([code]) => {
      if (this.#child === child) throw new Error(`vitest ended with ${code} in ${this.#copy.root}`);
      return [];
    });
    failed.catch(() => {});
    const [message] = await Promise.race([once(child, 'message'), failed]);
    this.#files = (message as { files: string[] }).files;
    return child;
  }
}
