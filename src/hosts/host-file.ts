import { isLikelyConfig } from './config/likely-config.ts';
import { readRemoteConfig } from './ssh/remote-ops.ts';
import type { SshExec, SshMode, SshTarget } from './ssh/types.ts';

/** Known to every shell. */
const PRINTS_NOTHING = 'true';
const MAX_QUOTED_CHARS = 300;

/**
 * A text that is compared, edited or written back. What the login shell prints by itself, such as a greeting in its
 * start-up file, would be taken for part of it: where the text is no plain configuration, the shell is asked.
 * @throws Error `read failed (exit <code>): …`, or one that quotes what the shell prints.
 */
export async function readHostFile(
  target: SshTarget,
  path: string,
  exec: SshExec,
  mode: SshMode = 'shell',
): Promise<string> {
  const text = await readRemoteConfig(target, path, exec, mode);
  // A wrapper takes its four verbs alone.
  if (mode === 'wrapper' || isLikelyConfig(text)) return text;
  const { code, stdout } = await exec(target, PRINTS_NOTHING);
  if (code !== 0 || stdout === '') return text;
  const [line] = stdout.trim().split('\n', 1);
  throw new Error(
    `the shell of ${target.user} on ${target.host} prints extra text, which cannot be distinguished from the file: ${line!.slice(0, MAX_QUOTED_CHARS)}. Let its start-up file print only on a terminal`,
  );
}
