// The most frequent commands as single files, without the modules that they never load.

/** For `ktx doctor`: repairs, deep checks and network requests. */
export const DOCTOR_LEAVES_OUT = [
  'repair-run',
  'repairs/list',
  'install-consent',
  'report-json-schema',
  'kernel-doctor',
  'network-session',
  'source-probes',
  'hosts/project-files',
  'hosts/health',
  'codex/auth-probe',
  'ktx-yaml-file',
  'llm-config',
  'transport/agents',
];

/** For `ktx admin runtime status`: the other commands of its group, and its deep checks. */
export const STATUS_LEAVES_OUT = [
  'embed/install',
  'embed/start-daemon',
  'daemon/stop',
  'daemon/stop-all',
  'lifecycle/prune',
  'doctor/prove-runtime',
  'uv/acquire',
];

/** Needed once after each change of uv, to hash it: entry points shared with the program. */
export const STATUS_SHARES = { 'uv/binary': 'binary', 'store/store': 'store' };

/**
 * @param {string} command what the message of a module that was left out wrongly names
 * @param {readonly string[]} names paths without `.ts`, from their end
 * @param {Record<string, string>} shared the same paths, and the entry point of the program that has each
 * @returns {import('esbuild').Plugin}
 */
export function leaveOut(command, names, shared = {}) {
  const isNamed = (path, name) => path.endsWith(`/${name}.ts`);
  return {
    name: 'leave-out',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\.ts$/ }, ({ path, kind }) => {
        if (kind !== 'dynamic-import') return undefined;
        const entry = Object.keys(shared).find((name) => isNamed(path, name));
        if (entry !== undefined) return { path: `./${shared[entry]}.js`, external: true };
        return names.some((name) => isNamed(path, name)) ? { path, namespace: 'left-out' } : undefined;
      });
      onLoad({ filter: /^/, namespace: 'left-out' }, ({ path }) => ({
        contents: `throw new Error(${JSON.stringify(`${path} is left out of the quick ${command}`)});`,
      }));
    },
  };
}
