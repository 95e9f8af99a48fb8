/** Names of Python projects and of their extras that mean the same give the same text (PEP 503). */
export function normaliseProject(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}
