import { type Client, isGrpcServiceError } from '@temporalio/client';
import { PAYLOAD_BYTES_MAX } from '../client/payload-size.ts';

/** PERMISSION_DENIED and UNIMPLEMENTED of gRPC. */
const REFUSED: readonly number[] = [7, 12];

export interface ServerFacts {
  /**
   * Names a namespace of a server whatever its address: the id that it was given when it was made. Where it may not be asked for,
   * its name must do.
   */
  readonly id: string;
  /** Of one input or result. */
  readonly payloadBytesMax: number;
}

/** What a server says of a namespace. */
export async function serverFactsOf(client: Client): Promise<ServerFacts> {
  const { namespace } = client.options;
  try {
    const { namespaceInfo } = await client.workflowService.describeNamespace({ namespace });
    const limit = Number(namespaceInfo?.limits?.blobSizeLimitError ?? 0);
    return { id: namespaceInfo?.id || namespace, payloadBytesMax: limit > 0 ? limit : PAYLOAD_BYTES_MAX };
  } catch (error) {
    if (isGrpcServiceError(error) && REFUSED.includes(error.code)) {
      return { id: namespace, payloadBytesMax: PAYLOAD_BYTES_MAX };
    }
    throw error;
  }
}
