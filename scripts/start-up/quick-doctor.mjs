// The one file of `ktx doctor`: what its offline checks never load stays out of it.
/** Repairs, deep checks and what asks a host. */
const LEFT_OUT = [
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
].map((name) => `/${name}.ts`);

export const leaveOut = {
  name: 'leave-out',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.ts$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' && LEFT_OUT.some((name) => path.endsWith(name))
        ? { path, namespace: 'left-out' }
        : undefined,
    );
    onLoad({ filter: /^/, namespace: 'left-out' }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is left out of the quick doctor`)});`,
    }));
  },
};
