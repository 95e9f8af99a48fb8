import type { SetupNetwork } from '../session/setup-network.ts';

/** Where one kind of artefact comes from, in words and as a host or folder. */
export interface Origin {
  from: string;
  place: string;
}

/** Where packages come from, in words. */
export async function indexWords(network: SetupNetwork): Promise<string> {
  const origin = (await network.open()).profile.indexes[0]?.origin;
  return origin === undefined || origin === 'default'
    ? 'public package index'
    : `your package index (${origin})`;
}
