import * as z from 'zod/mini';
import type { KernelDisplayOutput } from './types.ts';

const STATUS_MIME = 'application/x-ktx-status';
const statusSchema = z.looseObject({ op: z.string() });
const wrappedSchema = z.object({ data: z.record(z.string(), z.unknown()) });

/**
 * What a MIME bundle shows: its text, and its non-text outputs. Accepts the bundle itself or an object with
 * it under `data`. A status event has no other output.
 */
export async function renderKernelDisplay(
  bundle: Record<string, unknown>,
): Promise<{ text: string; outputs: KernelDisplayOutput[] }> {
  const data = wrappedSchema.safeParse(bundle).data?.data ?? bundle;
  const status = statusSchema.safeParse(data[STATUS_MIME]);
  if (status.success) return { text: '', outputs: [{ type: 'status', event: status.data }] };
  const outputs: KernelDisplayOutput[] = [];
  const image = data['image/png'];
  if (typeof image === 'string') outputs.push({ type: 'image', data: image, mimeType: 'image/png' });
  if (data['application/json'] !== undefined) outputs.push({ type: 'json', data: data['application/json'] });
  const markdown = nonEmptyText(data['text/markdown']);
  if (markdown !== null) outputs.push({ type: 'markdown' });
  const text = markdown ?? nonEmptyText(data['text/plain']) ?? (await plainText(data['text/html']));
  return { text: text === '' || text.endsWith('\n') ? text : `${text}\n`, outputs };
}

function nonEmptyText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

async function plainText(html: unknown): Promise<string> {
  if (typeof html !== 'string' || html === '') return '';
  const { htmlToText } = await import('./html-text.ts');
  return htmlToText(html);
}
