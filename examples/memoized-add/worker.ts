import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker } from '@temporalio/worker';
import { HoldfastPlugin } from 'holdfast/worker';
import * as tasks from './tasks.ts';

const { connectionOptions } = loadClientConnectConfig(); // TEMPORAL_ADDRESS and the like
const connection = await NativeConnection.connect(connectionOptions);
const worker = await Worker.create({
  connection,
  taskQueue: 'sums',
  workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
  plugins: [new HoldfastPlugin({ tasks })],
});
await worker.run();
await connection.close();
