import { type Client, isGrpcServiceError } from '@temporalio/client';

/** PERMISSION_DENIED and UNIMPLEMENTED of gRPC. */
const REFUSED: readonly number[] = [7, 12];

/**
 * Names a namespace of a server whatever its address: the id that it was given when it was made. Where it may not be asked for,
 * its name must do.
 */
export async function serverIdOf(client: Client): Promise<string> {
  const { namespace } = client.options;
  try {
    const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
    return namespaceInfo?.id || namespace;
  } catch (error) {
    if (isGrpcServiceError(error) && REFUSED.includes(error.code)) return namespace;
    throw error;
  }
}
