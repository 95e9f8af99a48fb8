// Decides which chunks of the bundle become one file. esbuild makes a chunk of all modules that the same entry points
// load: over 300 files, two thirds of them smaller than 3 kB, and each costs whoever installs the package 2 ms.

/**
 * A file of the bundle, or a builtin of Node.
 * @typedef {object} Chunk
 * @property {number} sizeBytes
 * @property {readonly string[]} imports names of what it loads with it
 * @property {readonly string[]} lazyImports names of what it loads when needed
 * @property {ReadonlyMap<string, string>} exports where each exported name comes from, as `chunk#name`
 */

/** Smaller chunks are merged into others. */
const SMALL_BYTES = 20_000;
/** By how much what one lazy import loads may grow, or one command: in bytes, or as a share when that is more. */
const GROWTH_BYTES = 2_000;
const GROWTH_SHARE = 0.05;

/**
 * Merges small chunks with those that are loaded by nearly the same importers. No cycle arises, and nothing that is
 * loaded once grows by more than the limits.
 *
 * @param {ReadonlyMap<string, Chunk>} chunks by name
 * @param {readonly string[]} entryPoints names that keep a file of their own
 * @param {readonly string[]} fixed names of lazy imports whose load must not grow
 * @returns {string[][]} the chunks of each file that has more than one
 */
export function planMerges(chunks, entryPoints, fixed) {
  const { roots, loads } = loadedBy(chunks, entryPoints);
  const sizeOf = (names) => [...names].reduce((sum, name) => sum + chunks.get(name).sizeBytes, 0);
  const limits = loads.map((load, at) => {
    const size = sizeOf(load);
    if (fixed.includes(roots[at])) return size;
    return size + Math.max(GROWTH_BYTES, size * GROWTH_SHARE);
  });

  /** The files to be: the chunks in each, all that they load with them, and the roots that load them. */
  const files = new Map(
    [...chunks.keys()].map((name) => {
      const loaders = new Set(roots.keys().filter((at) => loads[at].has(name)));
      return [name, { members: [name], closure: closureOf(chunks, name), loaders, isDone: false }];
    }),
  );
  const fileOf = new Map([...files].map(([name, file]) => [name, file]));
  const isMovable = (name) =>
    !entryPoints.includes(name) && !name.startsWith('node:') && !chunks.get(name).exports.has('default');

  /** What all loaders of only one of the two would load in vain. */
  function wasteOf(one, other) {
    const alone = (a, b) => [...a.loaders].filter((at) => !b.loaders.has(at)).length;
    return alone(one, other) * sizeOf(other.members) + alone(other, one) * sizeOf(one.members);
  }

  function isCyclic(one, other) {
    const leadsTo = (from, to) =>
      from.members
        .flatMap((name) => chunks.get(name).imports)
        .map((name) => fileOf.get(name))
        .some((file) => file !== from && file !== to && to.members.some((name) => file.closure.has(name)));
    return leadsTo(one, other) || leadsTo(other, one);
  }

  /** A file exports what its chunks export: each name only once, unless both chunks mean the same thing in that file. */
  function isUnambiguous(one, other) {
    const exportsOf = (file) => file.members.flatMap((name) => [...chunks.get(name).exports]);
    const members = [...one.members, ...other.members];
    const origins = new Map(exportsOf(one));
    return exportsOf(other).every(
      ([name, origin]) =>
        !origins.has(name) || (origins.get(name) === origin && members.includes(origin.split('#')[0])),
    );
  }

  function isWithinLimits(one, other) {
    const merged = one.closure.union(other.closure);
    return [...one.loaders.union(other.loaders)].every((at) => sizeOf(loads[at].union(merged)) <= limits[at]);
  }

  function merge(one, other) {
    other.members.push(...one.members);
    other.closure = one.closure.union(other.closure);
    other.loaders = one.loaders.union(other.loaders);
    for (const name of one.members) fileOf.set(name, other);
    for (const at of other.loaders) loads[at] = loads[at].union(other.closure);
    for (const file of new Set(fileOf.values()))
      if (other.members.some((name) => file.closure.has(name)))
        file.closure = file.closure.union(other.closure);
    for (const at of roots.keys())
      for (const name of other.closure) if (loads[at].has(name)) fileOf.get(name).loaders.add(at);
  }

  for (;;) {
    const movable = [...new Set(fileOf.values())].filter(({ members }) => isMovable(members[0]));
    const [smallest] = movable
      .filter((file) => !file.isDone && sizeOf(file.members) < SMALL_BYTES)
      .sort((a, b) => sizeOf(a.members) - sizeOf(b.members));
    if (smallest === undefined)
      return movable.filter(({ members }) => members.length > 1).map((file) => file.members);
    const partner = movable
      .filter((file) => file !== smallest)
      .map((file) => ({ file, waste: wasteOf(smallest, file) }))
      .sort((a, b) => a.waste - b.waste)
      .slice(0, 20)
      .find(
        ({ file }) =>
          isUnambiguous(smallest, file) && !isCyclic(smallest, file) && isWithinLimits(smallest, file),
      );
    if (partner === undefined) smallest.isDone = true;
    else merge(smallest, partner.file);
  }
}

/** All that is loaded with a chunk, itself included. */
function closureOf(chunks, name) {
  const found = new Set([name]);
  for (const each of found) for (const next of chunks.get(each).imports) found.add(next);
  return found;
}

/**
 * What is loaded once an entry point or a lazy import is: also what everyone who imports it lazily has already loaded.
 */
function loadedBy(chunks, entryPoints) {
  const lazy = new Set([...chunks.values()].flatMap(({ lazyImports }) => lazyImports));
  const roots = [...new Set([...entryPoints, ...lazy])];
  const closures = roots.map((name) => closureOf(chunks, name));
  const importers = roots.map((name) =>
    [...roots.keys()].filter((at) =>
      [...closures[at]].some((each) => chunks.get(each).lazyImports.includes(name)),
    ),
  );
  const loads = roots.map((name, at) => (entryPoints.includes(name) ? closures[at] : null));
  for (let isChanged = true; isChanged; ) {
    isChanged = false;
    for (const at of roots.keys()) {
      if (entryPoints.includes(roots[at])) continue;
      const known = importers[at].map((each) => loads[each]).filter((load) => load !== null);
      if (known.length === 0) continue;
      const load = closures[at].union(known.reduce((all, each) => all.intersection(each)));
      if (loads[at]?.size === load.size) continue;
      loads[at] = load;
      isChanged = true;
    }
  }
  return { roots, loads: loads.map((load, at) => load ?? closures[at]) };
}
