import { normaliseProject } from '../../support/text/project-name.ts';

/** `Accept` header for an index: prefers JSON, falls back to HTML. */
export const INDEX_ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1';

/** The normalised project name at the start of a wheel's or source archive's file name. */
export function projectOfFile(file: string): string {
  const [name] = file.endsWith('.whl') ? file.split('-', 1) : [file.replace(/-[^-]+$/, '')];
  return normaliseProject(name ?? file);
}

/** `json`, `html`, or `null` for anything else. Without a type, the first character decides. */
export function pageFormat(contentType: string | null, body: string): 'json' | 'html' | null {
  const type = contentType?.replace(/;.*/s, '').trim().toLowerCase();
  if (type) {
    if (type.endsWith('+json') || type === 'application/json') return 'json';
    if (type.endsWith('+html') || type === 'text/html' || type === 'application/xhtml+xml') return 'html';
    return null;
  }
  const start = body.trimStart()[0];
  return start === '{' ? 'json' : start === '<' ? 'html' : null;
}

/** A sha256 in lower case; `null` for anything else. */
export function sha256Of(value: unknown): string | null {
  return typeof value === 'string' && /^[a-fA-F0-9]{64}$/.test(value) ? value.toLowerCase() : null;
}
