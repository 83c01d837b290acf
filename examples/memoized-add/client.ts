import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { sumOf } from './workflows.ts';

const [x = 0, y = 0] = process.argv.slice(2).map(Number);
const { connectionOptions } = loadClientConnectConfig();
const connection = await Connection.connect(connectionOptions);
const client = new Client({ connection });
console.log(
  await client.workflow.execute<typeof sumOf>('sumOf', {
    taskQueue: 'sums',
    workflowId: `sum-${Date.now()}`,
    args: [x, y],
  }),
);
await connection.close();
