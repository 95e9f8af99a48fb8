import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { openTerminal, type TerminalOptions, type TestTerminal } from './terminal.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface DemoTerminal extends TestTerminal {
  /** Lets the scripted effects go on beyond a gate. */
  open(gate: string): void;
}

export interface Demo {
  /** Starts the wizard on scripted effects. `wrapper` is shell text with `$DEMO` as the command. */
  start(options?: Partial<TerminalOptions> & { scenario?: string; wrapper?: string }): Promise<DemoTerminal>;
  dispose(): Promise<void>;
}

/** Ink imports its developer tools statically; nobody here has them. */
const withoutDevTools: Plugin = {
  name: 'without-dev-tools',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^react-devtools-core$/ }, ({ path }) => ({ path, namespace: 'stub' }));
    onLoad({ filter: /./, namespace: 'stub' }, () => ({ contents: 'export default {};' }));
  },
};

/** Bundles the demo as the product is bundled, once for a test file. */
export async function bundleDemo(): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'ktx-demo-'));
  await build({
    absWorkingDir: ROOT,
    entryPoints: { demo: 'test/pty/demo.ts' },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.19',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [withoutDevTools],
    banner: {
      js: "import{createRequire as __demoRequire}from'node:module';const require=__demoRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  const open: TestTerminal[] = [];
  const closers: (() => void)[] = [];
  let count = 0;

  return {
    async start({ scenario = 'install', wrapper, ...options } = {}) {
      const path = join(folder, `gates-${++count}.sock`);
      let client: Socket | null = null;
      const early: string[] = [];
      const server = createServer((socket) => {
        client = socket;
        socket.on('error', () => {});
        for (const gate of early) socket.write(`${gate}\n`);
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      closers.push(() => {
        client?.destroy();
        server.close();
      });
      const demo = join(folder, 'demo.mjs');
      const terminal = openTerminal({
        ...options,
        ...(wrapper === undefined
          ? { command: process.execPath, args: [demo] }
          : { command: '/bin/sh', args: ['-c', wrapper] }),
        env: {
          DEMO: `${process.execPath} ${demo}`,
          DEMO_SCENARIO: scenario,
          DEMO_SOCKET: path,
          ...options.env,
        },
      });
      open.push(terminal);
      return {
        ...terminal,
        open: (gate) => {
          if (client) client.write(`${gate}\n`);
          else early.push(gate);
        },
      };
    },
    async dispose() {
      for (const terminal of open) terminal.close();
      for (const close of closers) close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
