import { createRequire } from 'node:module';
import type { Worker } from '@temporalio/worker';

type Histories = Parameters<typeof Worker.runReplayHistories>[1];
type History = Histories extends AsyncIterable<infer H> | Iterable<infer H>
  ? H extends { history: infer T }
    ? T
    : never
  : never;

interface HistoryType {
  toObject(
    history: unknown,
    how: { readonly longs: unknown; readonly enums: unknown; readonly bytes: unknown },
  ): object;
  fromObject(plain: object): History;
}

// The SDK's own messages. Its functions for JSON need one copy of protobufjs, which an installation may have several of.
const ofClient = createRequire(createRequire(import.meta.url).resolve('@temporalio/client'));
const { temporal } = ofClient('@temporalio/proto') as {
  readonly temporal: { readonly api: { readonly history: { readonly v1: { readonly History: HistoryType } } } };
};
const { History } = temporal.api.history.v1;

/** A history as text that is readable and the same whoever recorded it: process, stack and paths are of no use to a replay. */
export function writeHistory(history: unknown): string {
  const plain = History.toObject(history, { longs: String, enums: String, bytes: String });
  const text = JSON.stringify(plain, null, 1)
    .replace(/("identity": )"[^"]*"/g, '$1"worker"')
    // A sticky queue is named after the process, too.
    .replace(/("name": )"[^"]*@[^"]*"/g, '$1"sticky"')
    .replace(/("stackTrace": )"(?:[^"\\]|\\.)*"/g, '$1""')
    .replace(/[^\s"]*holdfast-crash-site-\w+\/files\//g, '');
  return `${text}\n`;
}

export function readHistory(text: string): History {
  return History.fromObject(JSON.parse(text));
}
