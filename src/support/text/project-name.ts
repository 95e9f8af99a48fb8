/** Normalises the name of a Python project or extra (PEP 503). */
export function normaliseProject(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase();
}
