// The unread messages of a user who has attached, when they are more than one call of the store looks at: in steps. [ATTACH-3] [COST-1]
import type { Position } from '../../protocol/ids.js'
import { keys } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { defineScript, type Reply } from '../script/scripts.js'
import { type Mailbox, oldestUnread, type Waiting } from './unread.js'

const lookFurther = defineScript('look-further', {
  full: 'done',
  preludes: ['life', 'down', 'member', 'index', 'unread', 'aging', 'waiting', 'mailbox'],
  keys: ['unread', 'stream'],
  args: [...downArgs, 'keptFrom', 'epoch', 'seq', 'share', 'left']
})

/** So many conversations are named in one step. */
const AT_ONCE = 50

/** Who looks, and where his stream ended when he attached; what was sent before `keptFrom` (ms) has had its time. */
interface Looking { userId: string, top: Position, keptFrom: number }

/**
 * What an attach has found, and the `rest`: how many messages a conversation brings, how many are looked at, the others, see mailbox.lua;
 * empty when all was looked at.
 */
interface Begun { waiting: Waiting, rest: Reply, limit: number }

/**
 * @returns `look()`: all that a mailbox brings, as it was at the instant of the attach: what came later comes by the stream, and once.
 *   Where more has come than a step can tell apart, the rest stands behind `more`. Throws when the store does not answer: asked
 *   again, it goes on where it was.
 */
export function createLook (store: StoreContext, { userId, top, keptFrom }: Looking, { waiting, rest, limit }: Begun) {
  let [share = 0, left = 0, ...fields] = rest as (string | number)[]
  let isDone = rest.length === 0

  async function step (): Promise<void> {
    const at = { unread: keys.unread(userId), stream: keys.down(userId) }
    const facts = { ...downValues(store), keptFrom, epoch: top.epoch, seq: top.seq, share, left }
    const [, looked, remaining, found, listed] = await lookFurther(store.redis, at, facts, fields.slice(0, AT_ONCE))
    const [beyond = 0, ...some] = found as Waiting
    const isOver = looked === -1
    waiting = [Number(waiting[0]) + Number(beyond) + (isOver ? fields.length : 0), ...waiting.slice(1), ...some]
    if (isOver) fields = []
    else if (fields.length === 0) [share = 0, left = 0, ...fields] = listed as (string | number)[]
    else [left, fields] = [Number(remaining), fields.slice(Number(looked))]
    isDone = fields.length === 0
  }

  return async function look (): Promise<Mailbox> {
    while (!isDone) await step()
    return oldestUnread(waiting, limit)
  }
}
