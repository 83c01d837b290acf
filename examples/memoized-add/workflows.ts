import { proxyTasks } from 'holdfast/workflows';
import type * as tasks from './tasks.ts';

const { add } = proxyTasks<typeof tasks>();

export async function sumOf(x: number, y: number): Promise<string> {
  const sum = await add({ x, y });
  return `${x} + ${y} = ${sum}`;
}
