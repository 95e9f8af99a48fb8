import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE_ROOT } from '../../../src/support/package-root.ts';
import type { CutFindings, CutRequest } from './check.ts';

/** A look waits for processes most of the while. */
const AT_ONCE = 3;
let underWay = 0;
const waiting: (() => void)[] = [];

/**
 * Looks at an image in namespaces of its own, so that it lies at the disk's place and nothing there finds the processes of the run;
 * then the image is removed. So many looks at a time; others wait for their turn.
 */
export async function lookAt(
  image: string,
  mountLines: readonly string[],
  request: CutRequest,
): Promise<CutFindings> {
  if (underWay >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  underWay++;
  try {
    const script = ['set -e', ...mountLines, 'exec "$1" "$2" "$3"'].join('\n');
    const checker = join(PACKAGE_ROOT, 'test', 'faults', 'power-cut', 'check.ts');
    const { stdout } = await promisify(execFile)(
      'unshare',
      [
        ...['-m', '-p', '-f', '--mount-proc', '--kill-child', 'sh', '-c', script, 'sh'],
        ...[process.execPath, checker, JSON.stringify(request)],
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    return JSON.parse(stdout);
  } finally {
    underWay--;
    waiting.shift()?.();
    await rm(image, { force: true });
  }
}
