import { readFileSync } from 'node:fs';
import ts from 'typescript';

const root = new URL('../', import.meta.url);

/** A Markdown table of an interface's (or of a type's object members') properties, from its doc comments. */
export function interfaceTable(file: string, name: string): string {
  const rows = membersOf(file, name).map(
    ({ name, type, fallback, text }) => `| \`${name}\` | ${type} | ${fallback} | ${text} |`,
  );
  if (rows.length === 0) throw new Error(`${name} in ${file} has no members`);
  return ['| option | type | default | what |', '|---|---|---|---|', ...rows].join('\n');
}

/** The same for what is only read: no defaults. */
export function memberTable(file: string, name: string): string {
  const rows = membersOf(file, name).map(({ name, type, text }) => `| \`${name}\` | ${type} | ${text} |`);
  if (rows.length === 0) throw new Error(`${name} in ${file} has no members`);
  return ['| name | type | what |', '|---|---|---|', ...rows].join('\n');
}

interface Member {
  readonly name: string;
  readonly type: string;
  readonly fallback: string;
  readonly text: string;
}

function membersOf(file: string, name: string): readonly Member[] {
  const source = ts.createSourceFile(file, readFileSync(new URL(file, root), 'utf8'), ts.ScriptTarget.Latest, true);
  const members: (ts.TypeElement | ts.ClassElement)[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isInterfaceDeclaration(node) && node.name.text === name) members.push(...node.members);
    if (ts.isClassDeclaration(node) && node.name?.text === name)
      members.push(...node.members.filter((member) => isPublic(member, source)));
    if (ts.isTypeAliasDeclaration(node) && node.name.text === name) collectMembers(node.type, members);
    ts.forEachChild(node, visit);
  };
  visit(source);
  const described = members.filter(hasName).map((member) => describe(member, source));
  return described.filter((member, at) => described.findIndex((other) => other.name === member.name) === at);
}

/** Of a union of objects each member where it may be given. */
function collectMembers(type: ts.TypeNode, members: (ts.TypeElement | ts.ClassElement)[]): void {
  if (ts.isTypeLiteralNode(type))
    members.push(...type.members.filter((member) => !(ts.isPropertySignature(member) && isNever(member))));
  if (ts.isUnionTypeNode(type)) for (const part of type.types) collectMembers(part, members);
}

function isNever(member: ts.PropertySignature): boolean {
  return member.type?.kind === ts.SyntaxKind.NeverKeyword;
}

/** What users call: neither private, nor internal, nor the implementation behind overloads, nor without a word on what it does. */
function isPublic(member: ts.ClassElement, source: ts.SourceFile): boolean {
  if (member.name === undefined || ts.isPrivateIdentifier(member.name)) return false;
  const comment = commentOf(member, source);
  return comment !== '' && !/@internal|Never there/.test(comment);
}

function hasName(
  member: ts.TypeElement | ts.ClassElement,
): member is (ts.TypeElement | ts.ClassElement) & { readonly name: ts.PropertyName } {
  return member.name !== undefined && !ts.isComputedPropertyName(member.name);
}

function describe(
  member: (ts.TypeElement | ts.ClassElement) & { readonly name: ts.PropertyName },
  source: ts.SourceFile,
): Member {
  const name = member.name.getText(source);
  const optional = 'questionToken' in member && member.questionToken !== undefined;
  const [text = '', fallback] = commentOf(member, source)
    .replace(/@example.*/, '')
    .split('@default');
  const given = fallback?.trim() ?? (optional ? 'none' : 'required');
  return { name, type: typeText(member, source), fallback: cell(given), text: cell(text.trim()) };
}

function typeText(member: ts.TypeElement | ts.ClassElement, source: ts.SourceFile): string {
  const isMethod = ts.isMethodSignature(member) || ts.isMethodDeclaration(member);
  const text = isMethod
    ? `(${member.parameters.map((parameter) => parameter.getText(source)).join(', ')}) => ${member.type?.getText(source) ?? 'void'}`
    : ((member as ts.PropertySignature).type?.getText(source) ?? '');
  const short = text
    .replace(/\breadonly /g, '')
    .replace(/NoInfer<([^<>]*)>/g, '$1')
    .replace(/\s+/g, ' ');
  return `\`${short.replaceAll('|', '\\|')}\``;
}

function commentOf(member: ts.Node, source: ts.SourceFile): string {
  const ranges = ts.getLeadingCommentRanges(source.text, member.getFullStart()) ?? [];
  const last = ranges.map(({ pos, end }) => source.text.slice(pos, end)).findLast((text) => text.startsWith('/**'));
  return (last ?? '')
    .replace(/^\/\*\*|\*\/$/g, '')
    .replace(/^\s*\* ?/gm, ' ')
    .replace(/\{@link (\w+)\}/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
