import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { BundleMember } from '../../src/bundle/archive/bundle-schema.ts';
import { compareBundles } from '../../src/bundle/compare.ts';
import { receiptLines, receiptOf } from '../../src/bundle/receipt.ts';
import type { VerifiedBundle } from '../../src/bundle/verify.ts';
import { contentsOf, MEMBERS } from '../fixtures/small-bundle.ts';

const [first, second] = MEMBERS.map(({ member }) => member) as [BundleMember, BundleMember];
const SIGNED = { isTrusted: true, principals: 'it@a.example', fingerprint: 'SHA256:abc' } as const;

function receipt(change: Partial<VerifiedBundle> = {}) {
  const verified: VerifiedBundle = {
    contents: contentsOf({
      platforms: ['linux-x64', 'win32-x64'],
      features: ['core', 'local-embeddings'],
      members: [first, { ...second, isOmitted: true }],
    }),
    contentsSha256: 'f'.repeat(64),
    sizeBytes: 1_500_000,
    signature: null,
    ...change,
  };
  return receiptOf('/usb/x.bundle', verified, '0.4.0', new Date(0));
}

describe('the receipt of a bundle', () => {
  it('holds what was checked, by whom and when; files that are not in it are left out', () => {
    expect(receipt()).toEqual({
      schemaVersion: 1,
      type: 'bundle-receipt',
      bundle: '/usb/x.bundle',
      sizeBytes: 1_500_000,
      contentsSha256: 'f'.repeat(64),
      checkedAt: '1970-01-01T00:00:00.000Z',
      checkedBy: 'ktx 0.4.0',
      host: hostname(),
      signedBy: null,
      cliVersion: '0.3.0',
      platforms: ['linux-x64', 'win32-x64'],
      features: ['core', 'local-embeddings'],
      members: [
        { path: first.path, sha256: first.sha256, sizeBytes: first.sizeBytes, licence: first.licence },
      ],
    });
  });

  it('names the signer only when the signature is trusted', () => {
    expect(receipt({ signature: SIGNED } as Partial<VerifiedBundle>).signedBy).toEqual({
      principals: 'it@a.example',
      fingerprint: 'SHA256:abc',
    });
    const refused = { isTrusted: false, reason: 'unknown key' } as const;
    expect(receipt({ signature: refused } as Partial<VerifiedBundle>).signedBy).toBeNull();
  });

  it('is told in five lines', () => {
    expect(receiptLines(receipt())).toEqual([
      '✓ /usb/x.bundle is whole: 1 files, 1.5 MB, every byte as listed and pinned',
      `  contents  sha256 ${'f'.repeat(64)}`,
      '  made for  ktx 0.3.0, core and local-embeddings, linux-x64, win32-x64',
      '  its signature was not checked',
      `  checked   1970-01-01T00:00:00.000Z by ktx 0.4.0 on ${hostname()}`,
    ]);
    expect(receiptLines(receipt({ signature: SIGNED } as Partial<VerifiedBundle>))[3]).toBe(
      '  signed by it@a.example (SHA256:abc)',
    );
  });
});

it('two bundles differ by path, and by digest at the same path; bytes that moved are not new', () => {
  const moved = { ...first, path: 'store/elsewhere.whl' };
  const altered = { ...second, sha256: 'e'.repeat(64), sizeBytes: 7 };
  const difference = compareBundles(
    contentsOf({ members: [first, second] }),
    contentsOf({ members: [moved, altered] }),
  );
  expect(difference).toEqual({
    added: [moved],
    removed: [first],
    changed: [{ before: second, after: altered }],
    newBytes: 7,
  });
  const same = contentsOf({ members: [first, second] });
  expect(compareBundles(same, same)).toEqual({ added: [], removed: [], changed: [], newBytes: 0 });
});
