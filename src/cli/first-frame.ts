// biome-ignore lint/style/noRestrictedImports: a look at one name and one file of ours, before anything is loaded
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

/** Goes on from a frame that is on the terminal. */
export type GoOn = (shown: ShownFrame) => FirstScreen;

/** A first screen that is all there only when somebody asks for it. */
export interface FirstFrame extends FirstScreen {
  /** Loads the rest. @throws when the package is damaged. */
  follow(): void;
}

/**
 * Puts a prerendered first screen on the terminal, for `ktx setup` on a machine without a runtime, and answers the keys that
 * move on it. Whatever else happens is left to `goOn`, which is called then, or by who asks for more.
 * @param distDir where the build has laid the frames
 * @returns `null` for every other start: nothing was written then.
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
  // Older than any macOS that this Node runs on, or a processor that cannot do all: what is offered is another thing then.
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
      // Not before somebody else listens: Node forgets a signal that waits when its last listener goes.
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
  // What ends the screen reaches who goes on, although it came before they listened.
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

  // Before the terminal is changed: whoever ends the program may see the screen and do it at once.
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

/** Nothing that changes what is offered, in words or in looks. */
function isPlain(env: NodeJS.ProcessEnv): boolean {
  const names = Object.keys(env).filter((name) => name.startsWith('KTX_') && name !== 'KTX_PROJECT_DIR');
  return names.length === 0 && hasUnicode(env) && hasStyles(env);
}

/** The program was started by a file of its own package: another one may have a wheel and words of its own. */
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
