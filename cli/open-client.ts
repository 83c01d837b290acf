import { isTemporalConfigured } from '../client/connection.ts';
import { HoldfastClient } from '../client/index.ts';
import { serverStatus } from '../server/embedded.ts';

/** A client on the Temporal that is configured, else on the embedded server if it runs, else on the ledger alone. */
export async function openClient(): Promise<HoldfastClient> {
  if (isTemporalConfigured()) return new HoldfastClient();
  const server = await serverStatus();
  return new HoldfastClient({ address: server.answering ? server.address : null });
}

/** Runs `work` with such a client, and closes it. */
export async function withClient<T>(work: (client: HoldfastClient) => Promise<T>): Promise<T> {
  const client = await openClient();
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}
