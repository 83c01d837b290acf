import type { Payload, PayloadCodec, PayloadConverter } from '@temporalio/common';
import type { Seal, ValueForm } from '../memoization/memoization.ts';

// A payload as bytes: four for the length of its metadata, the metadata as JSON with base64 values, then the data.

function bytesOf({ metadata, data }: Payload): Uint8Array {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString('base64')]);
  const head = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, data ?? new Uint8Array()]);
}

function payloadOf(bytes: Uint8Array): Payload {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + buffer.readUInt32BE(0);
  const head = JSON.parse(buffer.toString('utf8', 4, end)) as Record<string, string>;
  const metadata = Object.fromEntries(
    Object.entries(head).map(([name, value]) => [name, new Uint8Array(Buffer.from(value, 'base64'))]),
  );
  return { metadata, data: new Uint8Array(buffer.subarray(end)) };
}

/** Values as a worker's payload converter writes them: what comes back is what the workflow would have got. */
export function formOf(converter: PayloadConverter): ValueForm {
  return {
    encode: (value) => bytesOf(converter.toPayload(value)),
    decode: (bytes) => converter.fromPayload(payloadOf(bytes)),
  };
}

const PLAIN = { encoding: new TextEncoder().encode('binary/plain') };

/** Users' codecs (encryption) for what is stored; null where there are none. */
export function sealOf(codecs: readonly PayloadCodec[]): Seal | null {
  if (codecs.length === 0) return null;
  return {
    async seal(bytes) {
      let payloads: Payload[] = [{ metadata: PLAIN, data: bytes }];
      for (const codec of codecs) payloads = await codec.encode(payloads);
      return bytesOf(only(payloads));
    },
    async unseal(bytes) {
      let payloads: Payload[] = [payloadOf(bytes)];
      for (const codec of codecs.toReversed()) payloads = await codec.decode(payloads);
      return only(payloads).data ?? new Uint8Array();
    },
  };
}

function only(payloads: readonly Payload[]): Payload {
  const [payload] = payloads;
  if (payload === undefined || payloads.length > 1)
    throw new Error('A payload codec made other than one payload of one');
  return payload;
}
