// biome-ignore lint/style/noRestrictedImports: tests one name and reads one file of this package, before the program is loaded
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { isAbsolute, join, normalize, sep } from 'node:path';
import { isatty } from 'node:tty';
import { chooseLanguage } from '../language/choose.ts';
import { hasUnicode } from '../present/ascii.ts';
import {
  type FirstFrames,
  frameFile,
  lookName,
  SMALLEST,
  stretched,
} from '../present/first-screen/elastic-frame.ts';
import { quickHost } from '../present/first-screen/quick-host.ts';
import type { ShownFrame } from '../present/first-screen/show.ts';
import type { FirstScreen } from '../present/terminal/first-screen.ts';
import { hasStyles } from '../present/terminal/styles.ts';
import { terminalModes } from '../present/terminal/terminal-modes.ts';
import { hasLightBackground } from '../present/terminal/theme.ts';
import { platformKey } from '../shipped/target.ts';
import { STOP_SIGNALS } from '../support/stop-signals.ts';
import type { KeyName } from '../wizard/keys.ts';
import { chooseSetupMode, NO_FLAGS } from './commands/setup-flags.ts';
import { quickProject } from './quick-project.ts';

/** Takes over from a frame that is already on the terminal. */
export type GoOn = (shown: ShownFrame) => FirstScreen;

/** A first screen whose code is only loaded on demand. */
export interface FirstFrame extends FirstScreen {
  /** Loads the rest. @throws when the package is damaged. */
  follow(): void;
}

/**
 * Shows a prerendered first screen, for `ktx setup` on a machine without a runtime, and handles the keys that
 * move the selection. Any other key or event calls `goOn`, as does the caller's first request for more.
 * @param distDir where the build put the frames
 * @returns `null` when the frame does not apply; nothing was written in that case.
 */
export function showFirstFrame(distDir: string, goOn: GoOn): FirstFrame | null {
  const { env } = process;
  const terminalTraits = { isStdinTty: isatty(0), isStdoutTty: isatty(1), env };
  if (!isPlain(env) || !isOwnStart(distDir) || chooseSetupMode(NO_FLAGS, terminalTraits) !== 'wizard')
    return null;
  const home = env['HOME'] ?? '';
  if (!isPlainPath(home) || existsSync(join(home, '.ktx', 'runtime'))) return null;
  if (quickProject(process.cwd(), env).mayNeedFeature) return null;
  const host = quickHost();
  // macOS older than this Node supports, or a processor without the needed features: the offers would differ.
  if (host.missingProcessorFlags?.length !== 0) return null;
  const language = chooseLanguage({ flag: null, env, hasUnicode: true });
  const path = join(distDir, frameFile(platformKey(host), language));
  if (!existsSync(path)) return null;
  const { looks, moves }: FirstFrames = JSON.parse(readFileSync(path, 'utf8'));
  const frames = looks[lookName(hasLightBackground(env), !env['NO_COLOR'])];
  const { stdin, stdout } = process;
  if (!(stdout.columns >= SMALLEST.columns && stdout.rows >= SMALLEST.rows)) return null;

  const terminal = terminalModes({ stdin, stdout, env });
  const keys: KeyName[] = [];
  let screen = 0;
  let following: FirstScreen | null = null;
  const text = (): string =>
    stretched(frames[screen]!, { columns: stdout.columns, rows: stdout.rows }).join('\r\n');
  let shown = text();

  const stop = (): void => {
    stdin.off('readable', onReadable);
    stdout.off('resize', follow);
    for (const [emitter, event, listener] of passedOn) emitter.off(event, listener);
  };
  const follow = (): FirstScreen => {
    if (following === null) {
      following = goOn({ terminal, text: shown, keys });
      // Only after another listener exists: Node drops a pending signal when its last listener is removed.
      stop();
    }
    return following;
  };
  const onReadable = (): void => {
    let data = '';
    for (let chunk = stdin.read(); chunk !== null; chunk = stdin.read()) data += String(chunk);
    while (data !== '') {
      const move = moves[screen]?.find(([bytes]) => data.startsWith(bytes));
      if (move === undefined) break;
      const [bytes, key, next] = move;
      data = data.slice(bytes.length);
      keys.push(key);
      screen = next;
    }
    if (text() !== shown) {
      shown = text();
      stdout.write(`\u001b[H\u001b[2J${shown}`);
    }
    if (data === '') return;
    stdin.unshift(data, 'utf8');
    follow();
  };
  // Replays what ended the screen to the successor, which was not listening yet.
  const ends: readonly (readonly [NodeJS.EventEmitter, string])[] = [
    [stdin, 'end'],
    [stdin, 'error'],
    [stdout, 'error'],
    ...STOP_SIGNALS.map((signal) => [process, signal] as const),
  ];
  const passedOn = ends.map(([emitter, event]) => {
    const listener = (value: unknown): void => {
      follow();
      emitter.emit(event, value);
    };
    return [emitter, event, listener] as const;
  });

  // Before the terminal changes: a user who sees the screen may end the program at once.
  for (const [emitter, event, listener] of passedOn) emitter.on(event, listener);
  stdin.setEncoding('utf8');
  terminal.takeInput();
  terminal.showScreen(shown);
  stdin.on('readable', onReadable);
  stdout.on('resize', follow);
  return {
    terminal,
    follow,
    get guess() {
      return follow().guess;
    },
    release: () => follow().release(),
    close() {
      stop();
      if (following) return following.close();
      terminal.restore();
      stdin.pause();
      stdin.unref();
    },
  };
}

/** True without variables that change the text or look of the frame. */
function isPlain(env: NodeJS.ProcessEnv): boolean {
  const names = Object.keys(env).filter((name) => name.startsWith('KTX_') && name !== 'KTX_PROJECT_DIR');
  return names.length === 0 && hasUnicode(env) && hasStyles(env);
}

/** Whether the program was started from its own package: another one may have its own wheel and texts. */
function isOwnStart(distDir: string): boolean {
  const [, script = ''] = process.argv;
  return isAbsolute(script) && realpathSync(script).startsWith(join(distDir, '..') + sep);
}

function isPlainPath(path: string): boolean {
  return (
    isAbsolute(path) &&
    path !== '/' &&
    normalize(path) === path &&
    !path.endsWith(sep) &&
    !path.includes('\uFFFD')
  );
}
