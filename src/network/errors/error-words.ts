/** What is read of an error's body: messages are short, pages are not shown. */
const MAX_BODY_BYTES = 16 * 1024;
/** The words of an error are worth a moment, not a wait. */
const MAX_WAIT_MS = 2000;
const MAX_WORDS_CHARS = 300;
/** Fields in which repositories and proxies say what is wrong, best first. */
const MESSAGE_FIELDS = ['message', 'detail', 'error_description', 'error', 'title', 'reason', 'msg'];

/** What standard servers say, which tells nothing that the status does not. */
const USUAL_PHRASE =
  /^(?:ok|found|moved permanently|see other|(?:temporary|permanent) redirect|bad request|unauthori[sz]ed|forbidden|not found|method not allowed|proxy authentication required|gone|too many requests|internal server error|not implemented|bad gateway|service (?:temporarily )?unavailable|gateway time-?out|network authentication required|no|unknown)?$/i;

/** An answer with the status of an error. */
interface ErrorAnswer {
  reasonPhrase: string;
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: AsyncIterable<Uint8Array>;
  discard(): Promise<void>;
}

/**
 * What the other side says about its refusal, on one line, with nothing in it that a terminal would obey: a reason phrase of its own,
 * the message of a JSON body, the first line of a text, the title of a page. Reads and discards the body. Never rejects.
 */
export async function errorWords(response: ErrorAnswer): Promise<string> {
  const phrase = reasonPhraseOf(response.reasonPhrase);
  const type = response.headers.get('content-type') ?? '';
  const body = await startOf(response);
  const words = [phrase, bodyWords(type, body)].filter(Boolean);
  return oneLine([...new Set(words)].join(': '));
}

/** The reason phrase of an answer, where it says more than its status does. */
export function reasonPhraseOf(phrase: string): string {
  return USUAL_PHRASE.test(phrase.trim()) ? '' : oneLine(phrase);
}

/** @param type `Content-Type`; what it says is not always what comes. */
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
  // Problem details (RFC 9457): neither says it all.
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
