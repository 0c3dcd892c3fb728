// What a webhook was not told: its dead letters, oldest first, and that they are told once more. [WEBHOOK-6]
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { fieldsOf } from '../redis/hash.js'
import { parsed, whole } from '../redis/readable.js'
import { inParts, stepwise } from '../redis/steps.js'
import { defineScript, type Reply } from '../script/scripts.js'
import { webhookKeys } from './targets.js'

const replayDead = defineScript('replay-dead', { full: 'refused', keys: ['dead', 'again'], args: ['retryMs', 'keepMs'] })

/** Dead letters are replayed so many at a time. */
const REPLAYED_AT_ONCE = 100

/** An event, as `GET events` gives it. */
export interface Fact { id: string, type: string, ts: number, [fact: string]: unknown }

/** Something that a webhook has not been told. */
export interface DeadLetter {
  id: string
  kind: 'failed' | 'lost'
  at: number
  event: Fact
  reason?: string
  attempts?: number
}

export interface DeadPage { items: DeadLetter[], next?: string }

/** Makes the dead letters of a store. */
export function createLetters ({ redis, limits, onUnreadable }: StoreContext) {
  const [keepMs, retryMs] = [limits.webhookDeadSec * 1000, limits.webhookRetrySec * 1000]

  /** Pages dead letters, oldest first. @param after the `next` of the page before: the id of the last letter that it has looked at. */
  async function dead (id: string, { after, limit }: { after?: string | undefined, limit: number }): Promise<DeadPage> {
    const found = await redis.xrange(keys.webhookDead(id), after === undefined ? '-' : `(${after}`, '+', 'COUNT', limit + 1)
    const looked = found.slice(0, limit)
    const items = looked.flatMap(([letter, fields]) => readLetter(letter, fieldsOf(fields)) ??
      onUnreadable?.(`WEBHOOK:${id}:DEAD ${letter}`) ?? [])
    const last = looked.at(-1)?.[0]
    return { items, ...(last !== undefined && found.length > limit && { next: last }) }
  }

  const replaySome = async (id: string, some: string[]) => await replayDead(redis, webhookKeys(id), { retryMs, keepMs }, some)

  /** Page by page: a letter holds its event, and all of them at once would be very much. */
  async function replayAll (id: string): Promise<Reply[]> {
    const replies: Reply[] = []
    for (let after: string | undefined, hasMore = true; hasMore; hasMore = after !== undefined) {
      const { items, next } = await dead(id, { after, limit: REPLAYED_AT_ONCE })
      replies.push(await replaySome(id, items.map(letter => letter.id)))
      after = next
    }
    return replies
  }

  return {
    dead,

    /** Dead letters are delivered again: these, or all. @returns how many, and of how many the events are gone. */
    async replay (id: string, letters: string[] | undefined): Promise<{ replayed: number, lost: number }> {
      const replies = letters
        ? await stepwise(inParts(letters, REPLAYED_AT_ONCE).map(some => async () => await replaySome(id, some)))
        : await replayAll(id)
      const sum = (i: number) => replies.reduce((total, reply) => total + Number(reply[i]), 0)
      return { replayed: sum(1), lost: sum(2) }
    }
  }
}

function readLetter (id: string, all: Map<string, string>): DeadLetter | undefined {
  const event = parsed<Fact>(all.get('event'))
  const kind = all.get('kind')
  if (!event || (kind !== 'failed' && kind !== 'lost')) return undefined
  return {
    id,
    kind,
    at: whole(all.get('at')),
    event,
    ...(kind === 'failed' && { reason: all.get('reason') ?? '', attempts: whole(all.get('attempts')) })
  }
}
