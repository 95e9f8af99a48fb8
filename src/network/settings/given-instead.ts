import { SET_PROXY, USE_INDEX } from '../../support/remedies.ts';
import { type Remedy, type RemedyAction, remedy } from '../../support/remedy.ts';

/** What another value for a setting would be: the main index has a flag, a proxy is stored. */
export type SettingKind = 'proxy' | 'index' | 'address';

/**
 * Another value in place of one that cannot be used: of a variable or the main index for this run, of a proxy in a
 * file for later ones too.
 * @param origin the variable, flag or file that sets it.
 */
export function givenInstead(origin: string, kind: SettingKind): Remedy[] {
  if (/^[A-Za-z_]\w*$/.test(origin)) {
    const isProxy = kind === 'proxy';
    const env = { [origin]: isProxy ? '<host:port>' : '<url>' };
    const action: RemedyAction = {
      argv: ['ktx', 'setup'],
      nextAttempt: 'argv',
      env,
      needs: [isProxy ? 'proxy' : 'index-url'],
    };
    return [remedy('give-setting', `Give another ${origin}, for this run`, action)];
  }
  if (kind === 'proxy') return [SET_PROXY];
  return kind === 'index' ? [USE_INDEX] : [];
}
