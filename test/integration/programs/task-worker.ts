// A user's worker process with the plugin, for tests that kill it: its settings are in TASK_WORKER.
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { defineTask } from '../../../definitions/task.ts';
import { HoldfastPlugin } from '../../../worker/index.ts';

export interface TaskWorkerSettings {
  readonly address: string;
  readonly home: string;
  readonly directory: string;
  readonly taskQueue: string;
  /** Path of the workflows' bundle. */
  readonly codePath: string;
}

/** Where the process is to die, once. */
export interface Fate {
  readonly id: string;
  readonly die: 'nowhere' | 'in-transaction' | 'after-transaction' | 'after-step' | 'in-function';
}

const { address, home, directory, taskQueue, codePath } = JSON.parse(
  process.env.TASK_WORKER ?? '{}',
) as TaskWorkerSettings;
const file = (name: string) => join(directory, name);
const note = (text: string) => appendFileSync(file('notes.log'), `${text}\n`);

function dieOnce(fate: Fate, here: Fate['die']): void {
  if (fate.die !== here || existsSync(file(`died-${fate.id}`))) return;
  writeFileSync(file(`died-${fate.id}`), '');
  process.kill(process.pid, 'SIGKILL');
}

const pay = defineTask({
  name: 'pay',
  retry: { attempts: 2, delays: ['1ms'] },
  run: async (fate: Fate, ctx) => {
    note(`${fate.id} attempt ${ctx.attempt}`);
    dieOnce(fate, 'in-function');
    const step = await ctx.once('step', () => {
      note(`${fate.id} step`);
      return Math.random();
    });
    dieOnce(fate, 'after-step');
    const paid = await ctx.transaction('sqlite:shop.db', async (tx) => {
      note(`${fate.id} transaction`);
      await tx.run('CREATE TABLE IF NOT EXISTS payment (id TEXT NOT NULL, step REAL NOT NULL)');
      await tx.run('INSERT INTO payment (id, step) VALUES (?, ?)', [fate.id, step]);
      dieOnce(fate, 'in-transaction');
      return { at: new Date(5), step };
    });
    dieOnce(fate, 'after-transaction');
    if (!existsSync(file(`failed-${fate.id}`))) {
      writeFileSync(file(`failed-${fate.id}`), '');
      throw new Error('failed once');
    }
    return { same: paid.step === step, date: paid.at.getTime(), attempt: ctx.attempt };
  },
});

/** Goes on whatever happens to its attempt, and writes late. */
const zombie = defineTask({
  name: 'zombie',
  timeout: '300ms',
  retry: { attempts: 2, delays: ['1ms'] },
  run: async (id: string, ctx) => {
    const write = () =>
      ctx.transaction('sqlite:shop.db', async (tx) => {
        await tx.run('CREATE TABLE IF NOT EXISTS payment (id TEXT NOT NULL, step REAL NOT NULL)');
        await sleep(800);
        await tx.run('INSERT INTO payment (id, step) VALUES (?, 0)', [id]);
        return ctx.attempt;
      });
    return write();
  },
});

Runtime.install({ logger: new DefaultLogger('ERROR') });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowBundle: { codePath },
  plugins: [new HoldfastPlugin({ tasks: [pay, zombie], home, directory })],
});
process.once('SIGTERM', () => worker.shutdown());
await worker.run();
