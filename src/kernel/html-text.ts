import { Parser } from 'htmlparser2';

const BLOCKS = new Set([
  ...['address', 'article', 'blockquote', 'div', 'dl', 'dt', 'dd', 'figure', 'footer', 'form', 'header'],
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p', 'pre', 'section', 'table', 'tr', 'ul'],
]);
const HIDDEN = new Set(['head', 'script', 'style', 'template', 'title']);

/** What a browser without styles would show: blocks and rows on separate lines, cells separated by tabs. */
export function htmlToText(html: string): string {
  const lines: string[] = [];
  /** The finished cells of the current line. */
  let cells: string[] = [];
  let cell: string[] = [];
  let endsInSpace = true;
  let hiddenDepth = 0;
  let preDepth = 0;

  function endCell(): void {
    cells.push(cell.join('').trimEnd());
    cell = [];
    endsInSpace = true;
  }

  function endLine(): void {
    endCell();
    const line = cells.join('\t');
    if (line.trim() !== '') lines.push(line.trimEnd());
    cells = [];
  }

  function addText(data: string): void {
    if (preDepth === 0) {
      const words = data.replace(/\s+/g, ' ');
      const added = endsInSpace ? words.trimStart() : words;
      if (added === '') return;
      cell.push(added);
      endsInSpace = added.endsWith(' ');
      return;
    }
    const [first = '', ...others] = data.split('\n');
    cell.push(first);
    for (const other of others) {
      lines.push(cell.join(''));
      cell = [other];
    }
    endsInSpace = false;
  }

  const parser = new Parser({
    onopentagname(name) {
      if (HIDDEN.has(name)) hiddenDepth++;
      if (BLOCKS.has(name) || name === 'br') endLine();
      if (name === 'pre') preDepth++;
      if ((name === 'td' || name === 'th') && cells.length + cell.length > 0) endCell();
    },
    ontext(data) {
      if (hiddenDepth === 0) addText(data);
    },
    onclosetag(name) {
      if (HIDDEN.has(name)) hiddenDepth--;
      if (name === 'pre') preDepth--;
      if (BLOCKS.has(name)) endLine();
    },
  });
  parser.end(html);
  endLine();
  return lines.join('\n').replace(/^\n+/, '').trimEnd();
}
