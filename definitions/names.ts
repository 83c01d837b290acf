import { HoldfastError, showValue } from './errors.ts';

/** The longest name of a job or task: it becomes part of ids, queue names and file names. */
const nameCharsMax = 100;

/** The name of a definition, when there is a usable one. @throws HF_DEFINITION_INVALID */
export function checkName(kind: 'job' | 'task', definition: unknown): string {
  const refuse = (value: unknown, problem: string): never => {
    throw new HoldfastError('HF_DEFINITION_INVALID', {
      what: `a ${kind}`,
      option: 'name',
      value: showValue(value),
      problem,
    });
  };
  const name =
    typeof definition === 'object' && definition !== null && 'name' in definition ? definition.name : undefined;
  if (typeof name !== 'string' || name === '') return refuse(name, `every ${kind} needs a name, a string`);
  if (!/^[A-Za-z0-9][\w.-]*$/.test(name))
    refuse(name, 'use letters, digits, - _ and . and begin with a letter or digit');
  if (name.length > nameCharsMax) refuse(name, `it is longer than ${nameCharsMax} characters`);
  return name;
}
