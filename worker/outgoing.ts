import { ApplicationFailure, type LoadedDataConverter, type ProtoFailure } from '@temporalio/common';
import type { Outgoing } from '../activities/outgoing.ts';
import { assertFits, bytesOf } from '../client/payload-size.ts';

/** Causes, details and stack traces beyond this are left out. */
const FAILURE_BYTES_MAX = 100_000;

export function outgoingOf(
  dataConverter: LoadedDataConverter,
  { payloadBytesMax }: { readonly payloadBytesMax: number },
): Outgoing {
  return {
    assertFits: (result, task) =>
      assertFits(result, { what: `The result of task ${task}`, dataConverter, bytesMax: payloadBytesMax }),
    failure: (failure) =>
      failure instanceof ApplicationFailure && !isReportable(failure, dataConverter) ? reduced(failure) : failure,
  };
}

/** Causes in a circle, details without a payload, and what is too large are not. */
function isReportable(failure: ApplicationFailure, dataConverter: LoadedDataConverter): boolean {
  const { failureConverter, payloadConverter } = dataConverter;
  try {
    return sizeOf(failureConverter.errorToFailure(failure, payloadConverter)) <= FAILURE_BYTES_MAX;
  } catch {
    return false;
  }
}

function sizeOf({ message, stackTrace, applicationFailureInfo, cause }: ProtoFailure): number {
  const details = applicationFailureInfo?.details?.payloads ?? [];
  const own = (message?.length ?? 0) + (stackTrace?.length ?? 0);
  return details.reduce((sum, payload) => sum + bytesOf(payload), own) + (cause ? sizeOf(cause) : 0);
}

function reduced({ type, message, nonRetryable, nextRetryDelay, category }: ApplicationFailure): ApplicationFailure {
  return ApplicationFailure.create({
    message,
    nonRetryable: nonRetryable === true,
    ...(type ? { type } : {}),
    ...(nextRetryDelay ? { nextRetryDelay } : {}),
    ...(category ? { category } : {}),
  });
}
