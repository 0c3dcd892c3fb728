// CMD_COMPLETE and NOTICE_COMPLETE: pending items are done.
import { CompleteBody, CompleteResult } from '../protocol/app-command.js'
import { type Context, defineCommand } from '../fanout/context.js'
import type { BoxName } from '../store/keys.js'
import type { Caller } from '../protocol/operation.js'

const description = 'By exact id, never cumulative; always 200, with a state per id. With `any` (default) ' +
  'the first terminal clears it for the user and the others get `op: "complete"`; with `all` each ' +
  'terminal completes for itself. A completed one never comes back. [COMPLETE-1] [COMPLETE-2] [COMPLETE-4]'

const costs = [{ per: 5, of: '`ids`', count: ({ body: { ids } }: { body: { ids: string[] } }) => ids.length }]

function completer (box: BoxName) {
  return async ({ body: { ids }, caller: { userId, terminalId }, traceId }: { body: { ids: string[] }, caller: Caller, traceId: string }, {
    deliver
  }: Context) => {
    const states = await deliver.complete(box, userId, { ids, terminalId, traceId })
    return { results: ids.map((id, i) => ({ id, state: stateName(states[i]) })) }
  }
}

function stateName (state: string | undefined) {
  return state === 'share' ? 'completed' : state as 'completed' | 'already' | 'unknown' | 'expired'
}

/** CMD_COMPLETE - a terminal has carried commands out. [COMPLETE-1] ... [COMPLETE-4] */
export const cmdComplete = defineCommand({
  name: 'CMD_COMPLETE',
  summary: 'Say that commands have been carried out',
  description,
  body: CompleteBody('k1a2073f47fb09f3c81d7aa'),
  result: CompleteResult,
  errors: [],
  example: {
    body: { ids: ['k1a2073f47fb09f3c81d7aa'] },
    result: { results: [{ id: 'k1a2073f47fb09f3c81d7aa', state: 'completed' }] }
  },
  costs,
  handle: completer('CMD_BOX')
})

/** NOTICE_COMPLETE - a user has seen notices. [COMPLETE-1] ... [COMPLETE-4] */
export const noticeComplete = defineCommand({
  name: 'NOTICE_COMPLETE',
  summary: 'Say that notices have been seen',
  description,
  body: CompleteBody('n-1'),
  result: CompleteResult,
  errors: [],
  example: {
    body: { ids: ['n-1'] },
    result: { results: [{ id: 'n-1', state: 'completed' }] }
  },
  costs,
  handle: completer('NOTICE_BOX')
})
