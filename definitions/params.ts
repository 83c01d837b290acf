import { nearest } from './check-options.ts';
import { HoldfastError, showValue } from './errors.ts';
import { isStandardSchema, type StandardSchemaV1, validate } from './standard-schema.ts';

type Kind = 'string' | 'number' | 'boolean';
interface KindType {
  readonly string: string;
  readonly number: number;
  readonly boolean: boolean;
}

interface ParamDetails<K extends Kind> {
  /** A `?` behind it makes the param optional. */
  readonly type: K | `${K}?`;
  /** Taken when the param is not given. */
  readonly default?: KindType[K];
  /** One line for `--help`. */
  readonly about?: string;
}

/** A kind (`'string'`, `'number'`, `'boolean'`; with `?` when optional), or a kind with a default and help. */
export type ParamSpec = Kind | `${Kind}?` | { [K in Kind]: ParamDetails<K> }[Kind];

/** A job's params: a name and what it is, or a Standard Schema for all of them together. */
export type ParamsSpec = Readonly<Record<string, ParamSpec>> | StandardSchemaV1;

type ParamType<S> = S extends Kind
  ? KindType[S]
  : S extends `${infer K extends Kind}?`
    ? KindType[K] | undefined
    : S extends { readonly default: string | number | boolean; readonly type: infer T }
      ? Exclude<ParamType<T>, undefined>
      : S extends { readonly type: infer T }
        ? ParamType<T>
        : never;

/** The params that a spec makes, typed. */
export type Params<S> =
  S extends StandardSchemaV1<unknown, infer Output> ? Output : { readonly [Name in keyof S]: ParamType<S[Name]> };

/** A param as `--help` lists it. */
export interface ParamListing {
  readonly name: string;
  /** `any` where a schema does not say. */
  readonly kind: Kind | 'any';
  readonly required: boolean;
  readonly default: unknown;
  readonly about: string | null;
}

/** A {@link ParamsSpec} with everything decided. `listed` is null for a schema that does not tell its params. */
export interface NormalizedParams {
  readonly schema: StandardSchemaV1 | null;
  readonly listed: readonly ParamListing[] | null;
}

/** Checks a job's params. @throws HF_DEFINITION_INVALID */
export function normalizeParams(spec: ParamsSpec | undefined, what: string): NormalizedParams {
  if (spec === undefined) return { schema: null, listed: [] };
  if (isStandardSchema(spec)) return { schema: spec, listed: listSchema(spec) };
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw definitionInvalid(what, 'params', spec, 'give an object of names and kinds, or a Standard Schema');
  }
  return { schema: null, listed: Object.entries(spec).map(([name, param]) => normalizeParam(name, param, what)) };
}

function normalizeParam(name: string, param: ParamSpec, what: string): ParamListing {
  const option = `params.${name}`;
  if (!/^[A-Za-z_][\w-]*$/.test(name))
    throw definitionInvalid(what, option, name, 'a name has letters, digits, - and _');
  const details: unknown = typeof param === 'string' ? { type: param } : param;
  if (typeof details !== 'object' || details === null) {
    throw definitionInvalid(what, option, param, "give 'string', 'number' or 'boolean', with ? when optional");
  }
  for (const key of Object.keys(details)) {
    if (key === 'type' || key === 'default' || key === 'about') continue;
    throw definitionInvalid(
      what,
      `${option}.${key}`,
      (details as Record<string, unknown>)[key],
      'there are type, default, about',
    );
  }
  const { type, default: fallback, about } = details as { type?: unknown; default?: unknown; about?: unknown };
  const match = typeof type === 'string' ? /^(string|number|boolean)(\?)?$/.exec(type) : null;
  if (match === null) {
    throw definitionInvalid(what, option, type, "give 'string', 'number' or 'boolean', with ? when optional");
  }
  const kind = match[1] as Kind;
  if (fallback !== undefined && !isOfKind(fallback, kind)) {
    throw definitionInvalid(what, `${option}.default`, fallback, `it is no ${kind}`);
  }
  if (about !== undefined && typeof about !== 'string')
    throw definitionInvalid(what, `${option}.about`, about, 'give a string');
  return {
    name,
    kind,
    required: match[2] === undefined && fallback === undefined,
    default: fallback,
    about: about ?? null,
  };
}

const definitionInvalid = (what: string, option: string, value: unknown, problem: string): HoldfastError =>
  new HoldfastError('HF_DEFINITION_INVALID', { what, option, value: showValue(value), problem });

const isOfKind = (value: unknown, kind: Kind): boolean =>
  typeof value === kind && (kind !== 'number' || Number.isFinite(value));

interface JsonObjectSchema {
  readonly properties?: Readonly<
    Record<string, { readonly type?: unknown; readonly default?: unknown; readonly description?: unknown }>
  >;
  readonly required?: readonly string[];
}

/** What a schema says of its params by the Standard JSON Schema extension (zod has it); null where it says nothing. */
function listSchema(schema: StandardSchemaV1): readonly ParamListing[] | null {
  const props = schema['~standard'] as { readonly jsonSchema?: { input?(options: { target: string }): unknown } };
  let json: JsonObjectSchema | undefined;
  try {
    json = props.jsonSchema?.input?.({ target: 'draft-2020-12' }) as JsonObjectSchema | undefined;
  } catch {
    return null; // Not everything that a schema checks can be said in JSON Schema.
  }
  if (json?.properties === undefined) return null;
  return Object.entries(json.properties).map(([name, property]) => ({
    name,
    kind: kindOfJson(property.type),
    required: json.required?.includes(name) === true && property.default === undefined,
    default: property.default,
    about: typeof property.description === 'string' ? property.description : null,
  }));
}

function kindOfJson(type: unknown): Kind | 'any' {
  if (type === 'integer') return 'number';
  return type === 'string' || type === 'number' || type === 'boolean' ? type : 'any';
}

/** The params of a job, for `--help`. Empty where it takes none or its schema does not tell. */
export function describeParams(spec: NormalizedParams): readonly ParamListing[] {
  return spec.listed ?? [];
}

/**
 * The typed params from what was given: `text` from a command line, `values` from a program. Optional ones that were
 * not given are left out.
 *
 * @throws HF_PARAM_UNKNOWN, HF_PARAM_MISSING, HF_PARAM_INVALID
 */
export function parseParams(
  spec: NormalizedParams,
  given: Readonly<Record<string, unknown>>,
  from: 'text' | 'values',
): Readonly<Record<string, unknown>> {
  const values = spec.listed === null ? given : parseListed(spec.listed, given, from);
  if (spec.schema === null) return values;
  const result = validate(spec.schema, values);
  if ('then' in result) {
    result.catch(() => undefined);
    throw new HoldfastError('HF_PARAM_INVALID', {
      param: 'params',
      value: showValue(values),
      problem: 'its schema answers later: use one that answers at once',
    });
  }
  if (result.kind === 'valid') return result.value as Readonly<Record<string, unknown>>;
  const param = /^([\w-]+)(?:\.\S*)?: /.exec(result.issues)?.[1];
  const value = param === undefined ? values : values[param];
  throw new HoldfastError('HF_PARAM_INVALID', {
    param: param ?? 'params',
    value: showValue(value),
    problem: result.issues,
  });
}

function parseListed(
  listed: readonly ParamListing[],
  given: Readonly<Record<string, unknown>>,
  from: 'text' | 'values',
): Record<string, unknown> {
  const names = listed.map(({ name }) => name);
  for (const param of Object.keys(given)) {
    if (!names.includes(param))
      throw new HoldfastError('HF_PARAM_UNKNOWN', { param, known: knownParams(param, names) });
  }
  const entries = listed.map((param) => [param.name, parseParam(param, given[param.name], from)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function knownParams(param: string, names: readonly string[]): string {
  if (names.length === 0) return 'the job takes none';
  const near = nearest(param, names);
  return near === null
    ? `the job takes ${names.join(', ')}`
    : `did you mean ${near}? The job takes ${names.join(', ')}`;
}

function parseParam(param: ParamListing, given: unknown, from: 'text' | 'values'): unknown {
  const { name, kind } = param;
  if (given === undefined) {
    if (param.required) throw new HoldfastError('HF_PARAM_MISSING', { param: name, kind });
    return param.default;
  }
  const value = from === 'text' && typeof given === 'string' ? fromText(given, kind) : given;
  if (kind !== 'any' && !isOfKind(value, kind)) {
    const problem = kind === 'boolean' ? 'give true or false' : kind === 'number' ? 'give a number' : 'give a string';
    throw new HoldfastError('HF_PARAM_INVALID', { param: name, value: showValue(given), problem });
  }
  return value;
}

/** The value that a text stands for, or the text itself where it stands for none of that kind. */
function fromText(text: string, kind: Kind | 'any'): unknown {
  if (kind === 'number') return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text;
  if (kind === 'boolean') return text === 'true' || (text === 'false' ? false : text);
  return text;
}
