import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';
import { firstScreenBundle } from '../../scripts/build.mjs';
import { openTerminal, type TerminalOptions, type TestTerminal } from './terminal.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface DemoTerminal extends TestTerminal {
  /** Lets the scripted effects go on beyond a gate. */
  open(gate: string): void;
}

export interface Demo {
  /** Starts the wizard on scripted effects. `wrapper` is shell text with `$DEMO` as the command. */
  start(
    options?: Partial<TerminalOptions> & {
      scenario?: string;
      wrapper?: string;
      /** With the first screen before it, as `ktx setup` starts: the wizard is loaded then, or when the gate `load` opens. */
      firstScreen?: 'then-load' | 'until-loaded';
    },
  ): Promise<DemoTerminal>;
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

/** As the product's launcher does it, but for the gate. */
const LAUNCH = `
globalThis.ktxFirstScreen = require('./first-screen.cjs').begin((exitCode) => process.exit(exitCode));
const load = () => import('./demo.mjs');
if (process.env.DEMO_LOAD_GATE) {
  require('node:net').connect(process.env.DEMO_SOCKET).on('data', (data) => String(data).includes('load') && load());
} else setTimeout(load, 5);
`;

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
  await build({
    ...firstScreenBundle('test/pty/demo-first-screen.ts', '0.3.0'),
    outfile: join(folder, 'first-screen.cjs'),
  });
  await writeFile(join(folder, 'launch.cjs'), LAUNCH);
  const open: TestTerminal[] = [];
  const closers: (() => void)[] = [];
  let count = 0;

  return {
    async start({ scenario = 'install', wrapper, firstScreen, ...options } = {}) {
      const path = join(folder, `gates-${++count}.sock`);
      const clients: Socket[] = [];
      const opened: string[] = [];
      const server = createServer((socket) => {
        clients.push(socket);
        socket.on('error', () => {});
        for (const gate of opened) socket.write(`${gate}\n`);
      });
      await new Promise<void>((resolve) => server.listen(path, resolve));
      closers.push(() => {
        for (const client of clients) client.destroy();
        server.close();
      });
      const demo = join(folder, firstScreen ? 'launch.cjs' : 'demo.mjs');
      const terminal = openTerminal({
        ...options,
        ...(wrapper === undefined
          ? { command: process.execPath, args: [demo] }
          : { command: '/bin/sh', args: ['-c', wrapper] }),
        env: {
          DEMO: `${process.execPath} ${demo}`,
          DEMO_SCENARIO: scenario,
          DEMO_SOCKET: path,
          ...(firstScreen === 'until-loaded' ? { DEMO_LOAD_GATE: '1' } : {}),
          ...options.env,
        },
      });
      open.push(terminal);
      return {
        ...terminal,
        open: (gate) => {
          opened.push(gate);
          for (const client of clients) client.write(`${gate}\n`);
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
