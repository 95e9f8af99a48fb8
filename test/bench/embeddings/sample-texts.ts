const SUBJECTS = [
  'fct_orders',
  'dim_customer',
  'stg_payments',
  'the monthly revenue',
  'a churned account',
  'each region',
];
const VERBS = [
  'has one row per',
  'is joined on the key of',
  'counts every',
  'excludes the refunds of',
  'is refreshed after',
];
const OBJECTS = [
  'order line',
  'calendar month in UTC',
  'customer with a contract',
  'invoice and currency',
  'warehouse load',
];
const TAILS = [
  '; null means unknown',
  ', see the glossary',
  ' (finance asks for it)',
  ': SELECT SUM(amount) FROM t',
  '',
];

/** Texts like those that a context layer describes tables with, 5 to some 100 words each, the same at every call. */
export function sampleTexts(count: number): string[] {
  const random = randomNumbers(42);
  const one = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  return Array.from({ length: count }, (_, index) => {
    // Most are short, some are long, as column and table descriptions are.
    const sentences = 1 + Math.floor(random() ** 3 * 10);
    const parts = Array.from(
      { length: sentences },
      () => `${one(SUBJECTS)} ${one(VERBS)} ${one(OBJECTS)}${one(TAILS)}.`,
    );
    return `${index}. ${parts.join(' ')}`;
  });
}

/** Texts of exactly so many words, each other ones, the same at every call. */
export function wordTexts(count: number, words: number): string[] {
  const random = randomNumbers(words);
  const all = [...SUBJECTS, ...VERBS, ...OBJECTS].flatMap((phrase) => phrase.split(' '));
  return Array.from({ length: count }, () =>
    Array.from({ length: words }, () => all[Math.floor(random() * all.length)]!).join(' '),
  );
}

/** A linear congruential generator: not random at all, and the same everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
