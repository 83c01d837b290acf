// A payload converter of a user: the sandbox bundles it, the worker loads it. Dates come back as dates.
import type { Payload, PayloadConverter } from '@temporalio/common';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const payloadConverter: PayloadConverter = {
  toPayload: (value: unknown): Payload => ({
    metadata: { encoding: encoder.encode('json/crossed') },
    data: encoder.encode(JSON.stringify({ value, at: value instanceof Date ? value.getTime() : null })),
  }),
  fromPayload: <T>(payload: Payload): T => {
    const { value, at } = JSON.parse(decoder.decode(payload.data ?? new Uint8Array()));
    return (at === null ? value : new Date(at)) as T;
  },
};
