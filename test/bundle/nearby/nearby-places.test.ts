import { describe, expect, it } from 'vitest';
import { isBundleName, nearbyPlaces, type PlaceFacts } from '../../../src/bundle/nearby/nearby-places.ts';

const FACTS: PlaceFacts = {
  platform: 'linux',
  cwd: '/work',
  programFolder: '/opt/ktx/app',
  mountInfo: '',
  volumes: [],
};
const NEAR = ['/work', '/opt/ktx', '/opt/ktx/app'];
const mount = (place: string, type = 'vfat') =>
  `37 36 8:17 / ${place} rw,nosuid shared:1 - ${type} /dev/x rw`;
const mediaOf = (facts: Partial<PlaceFacts>) => nearbyPlaces({ ...FACTS, ...facts }).slice(NEAR.length);

it('each place is searched once, the nearest first', () => {
  expect(nearbyPlaces(FACTS)).toEqual(NEAR);
  expect(nearbyPlaces({ ...FACTS, cwd: '/opt/ktx' })).toEqual(['/opt/ktx', '/opt/ktx/app']);
});

describe('media of Linux', () => {
  it.each([
    ['/media/stick', true],
    ['/media/ana/stick', true],
    ['/run/media/ana/disc', true],
    ['/mnt', true],
    ['/mnt/stick', true],
    ['/media', false],
    ['/mnts', false],
    ['/srv/media/x', false],
    ['/home', false],
  ])('%s: %s', (place, isSearched) => {
    expect(mediaOf({ mountInfo: mount(place) })).toEqual(isSearched ? [place] : []);
  });

  it.each([
    'nfs',
    'nfs4',
    'cifs',
    'smb3',
    '9p',
    'afs',
    'ceph',
    'glusterfs',
    'lustre',
    'autofs',
    'davfs',
    'fuse.sshfs',
    'NFS',
  ])('none of %s, which may hang', (type) => {
    expect(mediaOf({ mountInfo: mount('/mnt/x', type) })).toEqual([]);
  });

  it.each(['vfat', 'exfat', 'iso9660', 'ext4', 'fuseblk', 'xnfs'])('of %s', (type) => {
    expect(mediaOf({ mountInfo: mount('/mnt/x', type) })).toEqual(['/mnt/x']);
  });

  it('at most 16, with their names as they are, whatever else is mounted', () => {
    const mountInfo = ['', 'not a line', mount('/mnt/a\\040b\\134c'), '1 2 3 4 /mnt/no-type rw'].join('\n');
    expect(mediaOf({ mountInfo })).toEqual(['/mnt/a b\\c']);
    const many = Array.from({ length: 20 }, (_, index) => mount(`/mnt/${index}`)).join('\n');
    expect(mediaOf({ mountInfo: many })).toHaveLength(16);
  });
});

it('volumes of macOS', () => {
  expect(mediaOf({ platform: 'darwin', volumes: ['A', 'B c'], mountInfo: mount('/mnt/x') })).toEqual([
    '/Volumes/A',
    '/Volumes/B c',
  ]);
});

it('drives of Windows, beside the parent of the program', () => {
  const facts = { ...FACTS, platform: 'win32' as const, cwd: 'C:\\x', programFolder: 'C:\\ktx\\app' };
  expect(nearbyPlaces(facts)).toEqual([
    'C:\\x',
    'C:\\ktx',
    'C:\\ktx\\app',
    ...[...'DEFGHIJKLMNOP'].map((letter) => `${letter}:\\`),
  ]);
});

it.each([
  ['a.BUNDLE', true],
  ['a.KTX.001', true],
  ['.bundle', false],
  ['.ktx', false],
  ['a.bundle.0011', false],
  ['abundle', false],
  ['a.bundles', false],
])('%s is named like a bundle: %s', (name, isOne) => {
  expect(isBundleName(name)).toBe(isOne);
});
