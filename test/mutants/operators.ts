import { parseAst } from 'rolldown/parseAst';

/** One small change of a source. */
export interface Mutant {
  /** Path below the root of the package. */
  file: string;
  line: number;
  /** Which kind of change. */
  operator: string;
  start: number;
  end: number;
  was: string;
  becomes: string;
  /** A statement is skipped, an expression replaced. */
  isStatement: boolean;
}

type Node = { type: string; start: number; end: number } & Record<string, unknown>;
type Change = Pick<Mutant, 'operator' | 'becomes'> & { node: Node; isStatement?: boolean };

/** Without the limit: 5 < 5 is false, 5 <= 5 true. */
const BOUNDARIES: Record<string, string> = { '<': '<=', '<=': '<', '>': '>=', '>=': '>' };
const ARITHMETIC: Record<string, string> = { '+': '-', '-': '+', '*': '/', '/': '*' };
const EQUALITIES: Record<string, string> = { '===': '!==', '!==': '===', '==': '!=', '!=': '==' };
const DROPPED = new Set(['ThrowStatement', 'ReturnStatement', 'ContinueStatement', 'BreakStatement']);
const LONG_VECTOR = 12;
const LOOPS = new Set(['ForStatement', 'ForOfStatement', 'WhileStatement']);

/**
 * Every mutant of a source, in the order of their places. Texts for people and types are left alone.
 *
 * @param file path below the root of the package
 */
export function mutantsOf(file: string, source: string): Mutant[] {
  const found: Mutant[] = [];
  const add = ({ node, operator, becomes, isStatement = false }: Change) => {
    const was = source.slice(node.start, node.end);
    const line = source.slice(0, node.start).split('\n').length;
    found.push({ file, line, operator, start: node.start, end: node.end, was, becomes, isStatement });
  };
  walk(parseAst(source, { lang: file.endsWith('x') ? 'tsx' : 'ts' }), [], (node, above) => {
    for (const change of changesOf(node, above, source)) add(change);
  });
  return found.sort((a, b) => a.start - b.start);
}

function walk(
  node: unknown,
  above: readonly Node[],
  visit: (node: Node, above: readonly Node[]) => void,
): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, above, visit);
    return;
  }
  if (!isNode(node)) return;
  // Types, imports and what only renames.
  if (/^(?:Import(?:Decl|Attr)|Export(?:All|Spec)|TS(?!As|Satisfies|NonNull))/.test(node.type)) return;
  visit(node, above);
  if (isDataTable(node)) return;
  const within = [node, ...above];
  for (const [key, value] of Object.entries(node)) {
    if (key === 'type' || key === 'typeAnnotation' || key === 'typeArguments' || key === 'directive')
      continue;
    if (key === 'key' && node.computed !== true) continue;
    walk(value, within, visit);
  }
}

/** A vector of numbers counts as one thing: its elements would be most of a room's mutants. */
function isDataTable(node: Node): boolean {
  const elements = node.type === 'ArrayExpression' ? (node.elements as unknown[]) : [];
  return (
    elements.length >= LONG_VECTOR &&
    elements.every((each) => isNode(each) && /^(?:Literal|Unary)/.test(each.type))
  );
}

function isNode(value: unknown): value is Node {
  return value !== null && typeof value === 'object' && typeof (value as Node).type === 'string';
}

function* changesOf(node: Node, above: readonly Node[], source: string): Generator<Change> {
  const text = (of: unknown) => source.slice((of as Node).start, (of as Node).end);
  const parent = above[0] ?? null;
  yield* statementChanges(node, above, text);
  switch (node.type) {
    case 'ConditionalExpression': {
      const test = node.test as Node;
      yield { node: test, operator: 'negate', becomes: `!(${text(test)})` };
      return;
    }
    case 'LogicalExpression': {
      const { operator, left, right } = node as unknown as { operator: string; left: Node; right: Node };
      if (operator === '??') yield { node, operator: 'drop default', becomes: text(left) };
      else {
        const other = operator === '&&' ? '||' : '&&';
        yield { node, operator: '&& ||', becomes: `(${text(left)}) ${other} (${text(right)})` };
      }
      return;
    }
    case 'BinaryExpression': {
      const { operator, left, right } = node as unknown as { operator: string; left: Node; right: Node };
      const kinds = { boundary: BOUNDARIES, negate: EQUALITIES, arithmetic: ARITHMETIC };
      for (const [name, table] of Object.entries(kinds)) {
        const other = table[operator];
        if (other === undefined || (name === 'arithmetic' && isText(left, right))) continue;
        if (name === 'negate' && parent?.test === node) continue;
        const becomes = `(${text(left)}) ${other} (${text(right)})`;
        yield { node, operator: name, becomes };
      }
      return;
    }
    case 'Literal':
      yield* literalChanges(node, parent, text(node));
      return;
    case 'ArrayExpression':
      yield* droppedElements(node, source);
      return;
    default:
  }
}

function isText(...operands: Node[]): boolean {
  return operands.some((each) => each.type === 'TemplateLiteral' || typeof each.value === 'string');
}

function* statementChanges(
  node: Node,
  above: readonly Node[],
  text: (of: unknown) => string,
): Generator<Change> {
  const parent = above[0];
  if (node.type === 'IfStatement') {
    const test = node.test as Node;
    yield { node: test, operator: 'negate', becomes: `!(${text(test)})` };
    if (node.alternate === null && parent?.type !== 'IfStatement')
      yield { node, operator: 'drop guard', becomes: '', isStatement: true };
  }
  if (node.type === 'WhileStatement') return;
  if (node.type === 'ExpressionStatement') {
    const expression = node.expression as Node;
    if (node.directive !== undefined && node.directive !== null) return;
    yield { node, operator: 'drop statement', becomes: '', isStatement: true };
    if (expression.type === 'AwaitExpression')
      yield { node: expression, operator: 'drop await', becomes: text(expression.argument) };
  }
  // A lone statement after `if` is what `drop guard` takes out, and the last one of a case belongs to its syntax.
  // Without what a function ends with, it would not compile.
  const isEnd = parent?.type === 'BlockStatement' && /Function/.test(above[1]?.type ?? '');
  if (DROPPED.has(node.type) && !isEnd && parent?.type !== 'IfStatement' && parent?.type !== 'SwitchCase')
    yield { node, operator: 'drop statement', becomes: '', isStatement: true };
  if (LOOPS.has(node.type) && parent?.type !== 'LabeledStatement')
    yield { node, operator: 'drop loop', becomes: '', isStatement: true };
}

function* literalChanges(node: Node, parent: Node | null, text: string): Generator<Change> {
  const { value } = node;
  if (typeof value === 'boolean') yield { node, operator: 'true false', becomes: String(!value) };
  if (typeof value === 'number') {
    const isIndex = parent?.type === 'MemberExpression';
    const becomes = value === 0 ? '1' : value === 1 || isIndex ? String(value + 1) : `(${text} * 10)`;
    yield { node, operator: 'number', becomes };
  }
  if ('regex' in node) {
    const { pattern } = node.regex as { pattern: string };
    if (pattern.startsWith('^')) yield { node, operator: 'anchor', becomes: `/${text.slice(2)}` };
    if (/(?<!\\)\$$/.test(pattern)) {
      const at = text.lastIndexOf('$');
      yield { node, operator: 'anchor', becomes: text.slice(0, at) + text.slice(at + 1) };
    }
  }
}

function* droppedElements(node: Node, source: string): Generator<Change> {
  const elements = node.elements as (Node | null)[];
  if (elements.some((each) => each === null)) return;
  for (const dropped of isDataTable(node) ? elements.slice(0, 1) : elements) {
    const kept = elements
      .filter((each) => each !== dropped)
      .map((each) => source.slice(each!.start, each!.end));
    yield { node, operator: 'drop element', becomes: `[${kept.join(', ')}]` };
  }
}
