import type { SetupNetwork } from '../session/setup-network.ts';

/** Where packages come from, as text. */
export async function indexWords(network: SetupNetwork): Promise<string> {
  const origin = (await network.open()).profile.indexes[0]?.origin;
  return origin === undefined || origin === 'default'
    ? 'public package index'
    : `your package index (${origin})`;
}
