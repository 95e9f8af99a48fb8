import type { SetupEvent } from '../../src/core/events.ts';

interface Bar {
  lane: string;
  label: string;
  startMs: number;
  endMs: number;
}

const WIDTH = 960;
const LEFT = 150;
const ROW = 18;
const COLOURS: Record<string, string> = { step: '#4063d8', file: '#389826', uv: '#9558b2' };

/** The bars of one run: its steps, each file from its first bytes to its verification, and what uv and the proof said. Pure. */
export function timelineOf(events: readonly SetupEvent[]): Bar[] {
  const timed = events.filter((event) => 'at' in event);
  const zeroMs = Date.parse(timed[0]?.at ?? '');
  const bars: Bar[] = [];
  const begun = new Map<string, number>();
  let uvSinceMs = 0;
  for (const event of timed) {
    const ms = Date.parse(event.at) - zeroMs;
    if (event.type === 'step' && event.status === 'started') {
      begun.set(event.step, ms);
      uvSinceMs = ms;
    } else if (event.type === 'step') {
      bars.push({ lane: 'step', label: event.step, startMs: begun.get(event.step) ?? ms, endMs: ms });
    } else if (event.type === 'bytes' && !begun.has(event.file)) begun.set(event.file, ms);
    else if (event.type === 'artefact') {
      const label = event.file.split('-')[0]!;
      bars.push({ lane: 'file', label, startMs: begun.get(event.file) ?? ms, endMs: ms });
    } else if (event.type === 'uv' && event.phase !== 'package-added') {
      bars.push({ lane: 'uv', label: `uv: ${event.phase}`, startMs: uvSinceMs, endMs: ms });
      uvSinceMs = ms;
    }
  }
  return bars.sort((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
}

/** One row a bar, in the order in which they began. Pure. */
export function timelineSvg(bars: readonly Bar[], title: string): string {
  const totalMs = Math.max(1, ...bars.map(({ endMs }) => endMs));
  const x = (ms: number) => LEFT + ((WIDTH - LEFT - 70) * ms) / totalMs;
  const height = 50 + bars.length * ROW;
  const rows = bars.map(({ lane, label, startMs, endMs }, at) => {
    const y = 40 + at * ROW;
    const width = Math.max(2, x(endMs) - x(startMs));
    return [
      `<text x="${LEFT - 8}" y="${y + 12}" text-anchor="end">${escaped(label)}</text>`,
      `<rect x="${x(startMs).toFixed(1)}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 5}" fill="${COLOURS[lane]}"/>`,
      `<text x="${(x(endMs) + 4).toFixed(1)}" y="${y + 12}" fill="#888">${Math.round(endMs - startMs)} ms</text>`,
    ].join('');
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="11" fill="#777">
<title>${escaped(title)}</title>
<text x="10" y="20" font-size="14">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
