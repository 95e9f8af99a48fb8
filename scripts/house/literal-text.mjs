/**
 * The text of a literal, a template or a sum of both, for the lists of texts in the sources.
 *
 * @param node of rolldown's syntax tree.
 * @param {string} filling stands for each value that is filled in.
 * @returns {string | null} `null` for any other node.
 */
export function textOf(node, filling) {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : null;
  if (node.type === 'TemplateLiteral')
    return node.quasis.map(({ value }, at) => (at === 0 ? '' : filling) + (value.cooked ?? '')).join('');
  if (node.type !== 'BinaryExpression' || node.operator !== '+') return null;
  const [left, right] = [textOf(node.left, filling), textOf(node.right, filling)];
  return left === null && right === null ? null : (left ?? filling) + (right ?? filling);
}

/** The expressions that such a text is filled with. */
export function fillingsOf(node) {
  if (node.type === 'TemplateLiteral') return node.expressions;
  if (node.type !== 'BinaryExpression') return [];
  return [node.left, node.right].flatMap((side) => (textOf(side, '') === null ? [side] : fillingsOf(side)));
}
