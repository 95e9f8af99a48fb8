import { describe, expect, it } from 'vitest';
import type { Artefact } from '../../src/shipped/lock.ts';
import { type ReleaseNumbers, sourcesFor } from '../../src/store/sources.ts';
import { location, testProfile } from '../fixtures/network.ts';

const artefact = (kind: Artefact['kind'], file: string): Artefact => ({
  kind,
  file,
  sha256: 'a'.repeat(64),
  sizeBytes: null,
  unpackedBytes: null,
});
const PYTHON = 'cpython-3.13.14+20260610-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz';
const ENCODED = PYTHON.replace('+', '%2B');
const releases = { pythonBuild: '20260610', uvVersion: '0.11.21' };

const addresses = (...parameters: Parameters<typeof sourcesFor>) =>
  sourcesFor(...parameters).map((source) =>
    source.kind === 'url' ? source.url : `${source.location.kind} ${source.location.url} ${source.project}`,
  );

describe('sources', () => {
  it('of a wheel, the uv wheel included: find-links, then the indexes', () => {
    const profile = testProfile({
      findLinks: [location('file:///srv/wheels')],
      indexes: [location('https://a.example/simple'), location('https://b.example/simple')],
    });
    const wheel = artefact('wheel', 'pydantic_core-2.0-cp313-cp313-win_amd64.whl');
    expect(addresses(wheel, profile, releases)).toEqual([
      'find-links file:///srv/wheels pydantic-core',
      'index https://a.example/simple pydantic-core',
      'index https://b.example/simple pydantic-core',
    ]);
    const uv = artefact('uv', 'uv-0.11.21-py3-none-win_amd64.whl');
    expect(addresses(uv, profile, releases)[1]).toBe('index https://a.example/simple uv');
  });

  it('of a Python: mirror of the user, official mirror, GitHub', () => {
    const python = artefact('python', PYTHON);
    const official = [
      `https://mirror.example/github/python-build-standalone/releases/download/20260610/${ENCODED}`,
      `https://github.example/astral-sh/python-build-standalone/releases/download/20260610/${ENCODED}`,
    ];
    expect(addresses(python, testProfile(), releases)).toEqual(official);
    const http = testProfile({ pythonInstallMirror: location('https://py.example/m/') });
    expect(addresses(python, http, releases)).toEqual([
      `https://py.example/m/20260610/${ENCODED}`,
      ...official,
    ]);
    const folder = testProfile({ pythonInstallMirror: location('file:///srv/py') });
    expect(addresses(python, folder, releases)[0]).toBe(`file:///srv/py/20260610/${PYTHON}`);
  });

  it("of uv's archive: official mirror, GitHub; not GitHub when the mirror is the user's", () => {
    const uv = artefact('uv', 'uv-x86_64-unknown-linux-musl.tar.gz');
    const path = 'uv/releases/download/0.11.21/uv-x86_64-unknown-linux-musl.tar.gz';
    expect(addresses(uv, testProfile(), releases)).toEqual([
      `https://mirror.example/github/${path}`,
      `https://github.example/astral-sh/${path}`,
    ]);
    expect(addresses(uv, testProfile({ githubReleases: null }), releases)).toHaveLength(1);
  });

  it('of a model: the hub, at the locked revision', () => {
    const model = artefact('model', 'model.safetensors');
    const locked = { repository: 'acme/mini', revision: 'abc123' } as ReleaseNumbers['model'] & object;
    expect(addresses(model, testProfile(), { model: locked })).toEqual([
      'https://hub.example/acme/mini/resolve/abc123/model.safetensors',
    ]);
    expect(() => sourcesFor(model, testProfile(), {})).toThrow('model');
  });

  it('needs the release numbers', () => {
    expect(() => sourcesFor(artefact('python', PYTHON), testProfile(), {})).toThrow('pythonBuild');
  });
});
