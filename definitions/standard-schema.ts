/**
 * The Standard Schema interface, version 1 (https://standardschema.dev), which zod, valibot, arktype and others
 * implement. It is meant to be copied, so that depending on it needs no package.
 */
export interface StandardSchemaV1<Input = unknown, Output = Input> {
  readonly '~standard': StandardSchemaProps<Input, Output>;
}

interface StandardSchemaProps<Input, Output> {
  readonly version: 1;
  readonly vendor: string;
  readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema made of a value: the value as the schema gives it out, or all issues in one line. */
export type Validated<T> =
  | { readonly kind: 'valid'; readonly value: T }
  | { readonly kind: 'invalid'; readonly issues: string };

export function isStandardSchema(value: unknown): value is StandardSchemaV1 {
  // Some libraries (arktype) make schemas that are functions.
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !('~standard' in value))
    return false;
  const props: unknown = value['~standard'];
  return typeof props === 'object' && props !== null && 'validate' in props && typeof props.validate === 'function';
}

/** Asks the schema. Answers at once where the schema does, so that a million items need no promise each. */
export function validate<T>(
  schema: StandardSchemaV1<unknown, T>,
  value: unknown,
): Validated<T> | Promise<Validated<T>> {
  const result = schema['~standard'].validate(value);
  // Not by instanceof: a promise may be of another realm.
  return 'then' in result ? result.then(read) : read(result);
}

function read<T>(result: SchemaResult<T>): Validated<T> {
  if (result.issues === undefined) return { kind: 'valid', value: result.value };
  return { kind: 'invalid', issues: result.issues.map(showIssue).join('; ') || 'not valid' };
}

function showIssue(issue: SchemaIssue): string {
  const path = issue.path?.map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
  return path === undefined || path === '' ? issue.message : `${path}: ${issue.message}`;
}
