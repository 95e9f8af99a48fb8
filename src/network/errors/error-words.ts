/** How much of an error's body is read: messages are short, whole pages are never shown. */
const MAX_BODY_BYTES = 16 * 1024;
/** An error message is worth a short wait at most. */
const MAX_WAIT_MS = 2000;
const MAX_WORDS_CHARS = 300;
/** JSON fields in which repositories and proxies put the error message, best first. */
const MESSAGE_FIELDS = ['message', 'detail', 'error_description', 'error', 'title', 'reason', 'msg'];

/** Default texts of common servers, which add nothing to the status. */
const USUAL_PHRASE =
  /^(?:ok|found|moved permanently|see other|(?:temporary|permanent) redirect|bad request|unauthori[sz]ed|forbidden|not found|method not allowed|proxy authentication required|gone|too many requests|internal server error|not implemented|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|network authentication required|no|unknown)?$/i;

/** A response with an error status. */
interface ErrorAnswer {
  reasonPhrase: string;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

/**
 * The server's explanation of an error, on one line, without control characters: a custom reason phrase, the
 * message of a JSON body, the first line of a text, the title of a page. Reads and discards the body. Never
 * rejects.
 */
export async function errorWords(response: ErrorAnswer): Promise<string> {
  const phrase = reasonPhraseOf(response.reasonPhrase);
  const type = response.headers.get('content-type') ?? '';
  const body = await startOf(response);
  const words = [phrase, bodyWords(type, body)].filter(Boolean);
  return oneLine([...new Set(words)].join(': '));
}

/** The reason phrase, if it says more than the status. */
export function reasonPhraseOf(phrase: string): string {
  return USUAL_PHRASE.test(phrase.trim()) ? '' : oneLine(phrase);
}

/** @param type `Content-Type`; the body does not always match it. */
export function bodyWords(type: string, body: string): string {
  const text = body.trim();
  if (text === '') return '';
  if (text.startsWith('{') || text.startsWith('[')) return oneLine(jsonMessage(text) ?? '');
  const isPage = /html/i.test(type) || text.startsWith('<');
  if (!isPage) return /^text\/|^$/i.test(type) ? oneLine(text.split('\n', 1)[0]!) : '';
  return oneLine(/<title[^<>]{0,200}>([^<]{1,300})/i.exec(text)?.[1] ?? '');
}

function jsonMessage(text: string): string | null {
  try {
    return messageIn(JSON.parse(text), 0);
  } catch {
    return null;
  }
}

function messageIn(value: unknown, depth: number): string | null {
  if (typeof value === 'string') return value.trim() || null;
  if (depth > 4 || typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) {
    const parts = value.slice(0, 3).map((part) => messageIn(part, depth + 1));
    return parts.filter(Boolean).join('; ') || null;
  }
  const fields = value as Record<string, unknown>;
  // Problem details (RFC 9457): each field has only part of the story.
  const { title, detail } = fields;
  if (typeof title === 'string' && typeof detail === 'string' && detail.trim())
    return [reasonPhraseOf(title), detail.trim()].filter(Boolean).join(': ');
  for (const name of ['errors', ...MESSAGE_FIELDS]) {
    const found = Object.hasOwn(fields, name) ? messageIn(fields[name], depth + 1) : null;
    if (found) return found;
  }
  return null;
}

function oneLine(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .toWellFormed()
    .trim();
  return line.length > MAX_WORDS_CHARS ? `${line.slice(0, MAX_WORDS_CHARS)}…` : line;
}

async function startOf(response: ErrorAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const reading = (async () => {
    for await (const chunk of response.body) {
      chunks.push(chunk);
      sizeBytes += chunk.byteLength;
      if (sizeBytes >= MAX_BODY_BYTES) break;
    }
  })();
  let timer: NodeJS.Timeout | undefined;
  const wait = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MAX_WAIT_MS);
  });
  await Promise.race([reading.catch(() => {}), wait]);
  clearTimeout(timer);
  await response.discard();
  return Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8');
}
