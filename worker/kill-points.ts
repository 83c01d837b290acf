import { POINTS, type Point, type ReachPoint } from '../activities/points.ts';

/**
 * Ends this process with SIGKILL at a named point, for crash tests and drills: `HOLDFAST_KILL_AT=after-claim:3` at the third time
 * that the point is reached. Does nothing where the variable is not set.
 */
export function killPoints(env: NodeJS.ProcessEnv): ReachPoint {
  const setting = env.HOLDFAST_KILL_AT;
  if (!setting) return () => undefined;
  const [name = '', times = '1'] = setting.split(':');
  if (!POINTS.includes(name as Point))
    throw new Error(`HOLDFAST_KILL_AT: no point ${name}; there are ${POINTS.join(', ')}`);
  let left = Number(times);
  return (point) => {
    if (point === name && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
