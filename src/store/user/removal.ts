// A user is deleted: what is kept of him goes, in steps that each leave less of it. [USER-1] [USER-3]
import { keys, partition } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { defineScript } from '../script/scripts.js'
import { boxKeysOf } from './pending.js'

/** An event of his is in the stream for so long at most, times `downIdleSec`: as long as TERMINALS is kept. */
const IDLE_TIMES = 3

const forgetMember = defineScript('forget-member', {
  full: 'done',
  preludes: ['life', 'down', 'event', 'member', 'direct', 'membership', 'changes'],
  keys: ['conversation', 'members', 'left', 'kick'],
  args: [...downArgs, 'id', 'user', 'tag', 'logMs', 'traceId']
})
const findWritten = defineScript('find-written', { full: 'reads', preludes: ['log'], keys: ['log'], args: ['user', 'from', 'to'] })
const forgetUser = defineScript('forget-user', {
  full: 'done',
  preludes: ['event', 'kick', 'presence', 'foreground', 'going'],
  keys: ['kick', 'terminals', 'leases', 'tickets', 'usedTickets', 'marker', 'commands', 'notices'],
  args: ['feed', 'user', 'keepMs', 'first']
})

const partUser = defineScript('part-user', {
  full: 'done', preludes: ['event', 'presence', 'foreground', 'going'], keys: ['kick', 'terminals', 'leases'], args: ['feed', 'user']
})

/** What a user was in a conversation; `over`: his deletion is, whoever is there now. */
type Was = 'group' | 'direct' | 'left' | 'none' | 'over'

/** What the last step took away; `more`: there is something to do before it; `over`: his deletion is, and somebody is there. */
interface Forgotten { outcome: 'done' | 'more' | 'over', terminals: number, tickets: number, commands: number, notices: number }

/** What is empty when he is in no conversation, was in none, and has blocked nobody. */
const emptied = (user: string) => [keys.conversations(user), keys.groups(user), keys.formerGroups(user), keys.blocked(user)]

/** What then goes whole. */
const whole = (user: string) => [
  ...emptied(user), keys.down(user), keys.unread(user), keys.marker(user), keys.spoken(user), keys.opened(user), keys.rate(user),
  keys.terminals(user), keys.routes(user), keys.tickets(user), keys.usedTickets(user),
  ...Object.values(boxKeysOf('CMD_BOX', user)), ...Object.values(boxKeysOf('NOTICE_BOX', user))
]

/** Makes the steps of a deletion. */
export function createRemoval (store: StoreContext) {
  const { redis, limits, feed } = store
  return {
    /** He is there no more. @returns whether he was: those who see him are being told. [SEE-4] */
    async part (userId: string): Promise<boolean> {
      const [, went] = await partUser(redis, {
        kick: keys.kick(userId), terminals: keys.terminals(userId), leases: keys.leases(partition(userId))
      }, { feed: feed.text, user: userId })
      return went === 1
    },

    /** @returns some of the conversations that he is in, or was in; none when that was all. */
    async someOf (userId: string, count: number): Promise<string[]> {
      const listed = await redis.zrange(keys.conversations(userId), 0, String(count - 1))
      if (listed.length > 0) return listed
      const groups = await redis.srandmember(keys.groups(userId), count)
      return groups.length > 0 ? groups : await redis.srandmember(keys.formerGroups(userId), count)
    },

    /** @returns some of those whom he has blocked, also such as no page can show; none when that was all. */
    someBlocked: (userId: string, count: number): Promise<string[]> => redis.zrange(keys.blocked(userId), 0, String(count - 1)),

    /** He is in a conversation no more, and sees nothing of its past. @returns what he was in it. [USER-3] */
    async leave (userId: string, id: string, traceId: string): Promise<Was> {
      const [, was] = await forgetMember(redis, {
        conversation: keys.conversation(id), members: keys.members(id), left: keys.left(id), kick: keys.kick(userId)
      }, { ...downValues(store), id, user: userId, tag: partition(userId), logMs: limits.logSec * 1000, traceId })
      return was as Was
    },

    /** @returns what he has written of the messages from `from` to `to`, but for what is revoked. [USER-4] */
    async written (userId: string, id: string, { from, to }: { from: number, to: number }): Promise<number[]> {
      const [, seqs] = await findWritten(redis, { log: keys.log(id) }, { user: userId, from, to })
      return (seqs as (string | number)[]).map(Number)
    },

    /** The last step: whatever else is kept of him goes; what refuses his tokens stays. [USER-1] [USER-2] */
    async forget (userId: string): Promise<Forgotten> {
      const [, outcome, terminals, tickets, commands, notices] = await forgetUser(redis, {
        kick: keys.kick(userId),
        terminals: keys.terminals(userId),
        leases: keys.leases(partition(userId)),
        tickets: keys.tickets(userId),
        usedTickets: keys.usedTickets(userId),
        marker: keys.marker(userId),
        commands: keys.box('CMD_BOX', userId),
        notices: keys.box('NOTICE_BOX', userId)
      }, {
        feed: feed.text, user: userId, keepMs: IDLE_TIMES * limits.downIdleSec * 1000, first: emptied(userId).length
      }, whole(userId))
      return {
        outcome: outcome as Forgotten['outcome'],
        terminals: Number(terminals),
        tickets: Number(tickets),
        commands: Number(commands),
        notices: Number(notices)
      }
    }
  }
}

export type Removal = ReturnType<typeof createRemoval>
