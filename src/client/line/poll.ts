// Long-poll: one request after the other. What is no event in its answers is made one, so that all ways bring the same. [POLL-1]
import type { Frame } from '../base/wire.js'
import type { Transport } from './transport.js'

const POLL_MS = 25_000

type Data = Record<string, unknown>
interface Answer { recovered?: boolean, reset?: Data, ready?: Data, events: Frame[], cursor: string, more: boolean }

export const poll: Transport = async ({ pathOf, calls, heard, frame }, signal) => {
  const isFresh = !pathOf('').includes('lastEventId')
  const tell = (name: string, data: Data, id?: string) => frame(() => ({ event: 'CMD_DOWN', id, data: { name, op: 'do', data } }))
  let isFirst = true
  for (let timeoutMs = 0; !signal.aborted; isFirst = false) {
    const { recovered, reset, ready = {}, events, cursor, more }: Answer =
      await calls.once<Answer>(pathOf('/v1/down/poll', { timeoutMs }), undefined, signal)
    heard()
    // the first answer to a cursor that is good says nothing of it, when its session goes on [POLL-2]
    if (isFirst || reset) tell('IRIS.HELLO', { recovered: recovered ?? (!isFresh && !reset) })
    if (reset) tell('IRIS.RESET', reset)
    for (const event of events) frame(() => event)
    if (timeoutMs || more) frame(() => ({ id: cursor }))
    else {
      tell('IRIS.READY', ready, cursor)
      timeoutMs = POLL_MS
    }
  }
}
