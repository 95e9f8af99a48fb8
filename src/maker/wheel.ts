import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { readWheelMetadata, type WheelMetadata } from '../shipped/wheel-metadata.ts';
import { SetupError } from '../support/errors.ts';
import { makeFolder } from '../support/fs/atomic-file.ts';
import { readRegularFile } from '../support/fs/regular-file.ts';
import { otherRemedy } from '../support/remedies.ts';
import type { MakerWork, Toolbox } from './toolbox.ts';

/** 1980-01-01, the earliest date in a zip. */
const SOURCE_DATE_EPOCH = '315532800';
const MAX_WHEEL_BYTES = 1024 * 1024 * 1024;

/** The source of the wheel: a file, or a folder with `pyproject.toml`. */
export type WheelSource = { file: string } | { project: string };

/** A wheel: its file name, its bytes, and its metadata. */
export interface MadeWheel {
  file: string;
  bytes: Buffer;
  metadata: WheelMetadata;
}

/**
 * Reads or builds the wheel. A project is built twice, with its own build backend.
 * @throws SetupError when it cannot be built, when the two builds differ, or when the wheel is
 * platform-specific.
 */
export async function takeWheel(source: WheelSource, tools: Toolbox, work: MakerWork): Promise<MadeWheel> {
  if ('file' in source) {
    const bytes = await readRegularFile(source.file, { maxBytes: MAX_WHEEL_BYTES, links: 'follow' });
    return describe(basename(source.file), bytes);
  }
  const [first, second] = [
    await buildWheel(source.project, tools, work),
    await buildWheel(source.project, tools, work),
  ];
  if (first.file !== second.file || !first.bytes.equals(second.bytes)) {
    throw new SetupError(`Two builds of ${source.project} differ: ${first.file}.`, {
      failureClass: 'internal',
      remedies: [
        otherRemedy('Use a build backend that honours SOURCE_DATE_EPOCH, or name a built wheel in "wheel"'),
      ],
    });
  }
  return first;
}

/** Builds a project's wheel once. */
export async function buildWheel(project: string, tools: Toolbox, work: MakerWork): Promise<MadeWheel> {
  await makeFolder(work.scratchDir);
  const outDir = await mkdtemp(join(work.scratchDir, 'wheel-'));
  try {
    await tools.runUv(['build', '--wheel', '--quiet', '--out-dir', outDir, project], {
      env: { SOURCE_DATE_EPOCH },
      what: `The wheel of ${project} could not be built`,
    });
    const file = (await readdir(outDir)).find((name) => name.endsWith('.whl'));
    if (!file) throw new Error(`uv build left no wheel in ${outDir}`);
    return await describe(file, await readRegularFile(join(outDir, file), { maxBytes: MAX_WHEEL_BYTES }));
  } finally {
    await rm(outDir, { recursive: true, force: true });
  }
}

async function describe(file: string, bytes: Buffer): Promise<MadeWheel> {
  if (!/-none-any\.whl$/.test(file)) {
    throw new SetupError(
      `${file} is made for one platform. One wheel has to serve them all: …-none-any.whl.`,
      {
        failureClass: 'platform',
        remedies: [otherRemedy('Move what is compiled into a package of its own, and depend on it')],
      },
    );
  }
  return { file, bytes, metadata: await readWheelMetadata(bytes, file) };
}
