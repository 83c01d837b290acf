import ts from 'typescript';

export interface LongFunction {
  readonly line: number;
  readonly lines: number;
}

/** Functions with more lines than `linesMax`. */
export function longFunctions(path: string, text: string, linesMax: number): readonly LongFunction[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const found: LongFunction[] = [];
  const lineAt = (position: number) => file.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) {
      const first = lineAt(node.getStart(file));
      const lines = lineAt(node.getEnd()) - first + 1;
      if (lines > linesMax) found.push({ line: first + 1, lines });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** The titles of a test file's tests, each below those of the blocks around it. */
export function testTitles(path: string, text: string): readonly string[] {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  const titles: string[] = [];
  const visit = (node: ts.Node, above: string): void => {
    let inside = above;
    if (ts.isCallExpression(node)) {
      const callee = /^(describe|test|it)\b/.exec(node.expression.getText(file))?.[1];
      const title = node.arguments[0];
      if (callee !== undefined && title !== undefined && ts.isStringLiteralLike(title)) {
        inside = `${above} › ${title.text}`;
        if (callee !== 'describe') titles.push(inside);
      }
    }
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(file, path);
  return titles;
}
