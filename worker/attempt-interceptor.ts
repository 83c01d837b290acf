import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { ProcessOwner } from './process-owner.ts';

/** Keeps the task tokens of this process's activities where others find them should it die. */
export function recordAttempts(owner: ProcessOwner): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        owner.began(info.taskToken);
        try {
          return await next(input);
        } finally {
          owner.ended(info.taskToken, Date.now());
        }
      },
    },
  });
}
