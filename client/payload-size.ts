import type { LoadedDataConverter, Payload } from '@temporalio/common';
import { HoldfastError } from '../definitions/errors.ts';

/** Of an input or result, where the server's namespace says nothing else. */
export const PAYLOAD_BYTES_MAX = 2 * 1024 * 1024;

/** JSON that is so short fits whatever codecs make of it. */
const SURELY_FITS_CHARS = 200_000;

export interface FitOptions {
  /** Named in the error. */
  readonly what: string;
  readonly dataConverter: LoadedDataConverter;
  readonly bytesMax: number;
}

/**
 * Refuses a JSON value that Temporal would not take: it says so to nobody who waits, but tries again without end.
 * Errors: HF_PAYLOAD_TOO_LARGE.
 */
export async function assertFits(value: unknown, { what, dataConverter, bytesMax }: FitOptions): Promise<void> {
  const chars = JSON.stringify(value)?.length ?? 0;
  if (chars <= SURELY_FITS_CHARS || dataConverter.externalStorage !== undefined) return;
  const bytes = await payloadBytes(value, dataConverter);
  if (bytes > bytesMax) throw new HoldfastError('HF_PAYLOAD_TOO_LARGE', { what, bytes, max: bytesMax });
}

async function payloadBytes(value: unknown, { payloadConverter, payloadCodecs }: LoadedDataConverter): Promise<number> {
  let payloads: Payload[] = [payloadConverter.toPayload(value)];
  for (const codec of payloadCodecs) payloads = await codec.encode(payloads);
  return payloads.reduce((sum, payload) => sum + bytesOf(payload), 0);
}

export function bytesOf({ metadata, data }: Payload): number {
  const entries = Object.entries(metadata ?? {});
  return (data?.length ?? 0) + entries.reduce((sum, [name, bytes]) => sum + name.length + bytes.length, 0);
}
