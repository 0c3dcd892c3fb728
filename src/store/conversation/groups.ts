// Groups: created, replaced, changed and closed by the server API. Section 8.
import { keys, partition } from '../keys.js'
import { downArgs, downValues, type StoreContext } from '../life/context.js'
import { hashOf } from '../redis/hash.js'
import { isWhole, whole } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'
import { barOf } from './bar.js'
import { shownFields, shownOf } from './shown.js'

const facts = {
  preludes: ['life', 'down', 'event', 'member', 'direct', 'membership', 'changes', 'sight'],
  keys: ['conversation', 'members', 'left'],
  args: [...downArgs, 'id', 'mode', 'title', 'ext', 'maxMembers', 'close', 'maxLeft', 'logMs', 'traceId']
} as const

const setMembers = defineScript('set-members', { ...facts, full: 'refused' })
/** Who only removes, or closes, frees; a role or a mute of who is a member is small. [STORE-2] */
const dropMembers = defineScript('set-members', { ...facts, full: 'done' })

export type Role = 'owner' | 'admin' | 'member'

/**
 * What happens to one user: he gets a role, keeps it (`=`), or leaves (`-`). `isMember`: nothing, unless he is one.
 * `mutedUntil`: until when he may not write, ms (0: he may); absent: as it was. [MUTE-1]
 */
export interface MemberChange { userId: string, role: Role | '=' | '-', mutedUntil?: number | undefined, isMember?: true }

/** Makes the groups of a store. */
export function createGroups (store: StoreContext) {
  const { redis, limits, onUnreadable, now } = store

  async function change (
    id: string, facts: { mode: 'put' | 'change', title?: string, ext?: string, close?: boolean, traceId: string }, changes: MemberChange[]
  ) {
    const list = changes.flatMap(({ userId, role, mutedUntil, isMember }) =>
      [userId, isMember ? `~${role}` : role, partition(userId), mutedUntil ?? ''])
    const { mode, title = '', ext = '', close = false, traceId } = facts
    const run = mode === 'change' && changes.every(({ role, isMember }) => role === '-' || isMember) ? dropMembers : setMembers
    const [, created, headSeq, closedAt, members] = await run(redis, {
      conversation: keys.conversation(id), members: keys.members(id), left: keys.left(id)
    }, {
      ...downValues(store),
      id,
      mode,
      title,
      ext,
      maxMembers: limits.members,
      close: Number(close),
      maxLeft: limits.left,
      logMs: limits.logSec * 1000,
      traceId
    }, list)
    return { created: created === 1, headSeq: Number(headSeq), closedAt: Number(closedAt), members: Number(members) }
  }

  return {
    /** Creates the group or replaces its title, ext and members; who is not named leaves. Throws TOO_MANY_MEMBERS, CONVERSATION_CLOSED. */
    put: (
      id: string, facts: { title: string, ext: string, traceId: string }, members: { userId: string, role: Role, mutedUntil: number }[]
    ) => change(id, { mode: 'put', ...facts }, members),

    /** Changes some members; nothing happens to those who are in that state already. Throws CONVERSATION_NOT_FOUND too. */
    change: (id: string, changes: MemberChange[], traceId: string) => change(id, { mode: 'change', traceId }, changes),

    /** Closes a conversation: its history stays readable, nothing is sent. @returns when it was closed (ms). */
    async close (id: string, traceId: string): Promise<number> {
      return (await change(id, { mode: 'change', close: true, traceId }, [])).closedAt
    },

    /** @returns what the server API shows of a conversation, undefined when there is none. */
    async get (id: string) {
      const [facts, members] = await Promise.all([redis.hmget(keys.conversation(id), ...shownFields), hashOf(redis, keys.members(id))])
      const shown = shownOf(store, id, facts)
      return shown && {
        ...shown,
        members: [...members].flatMap(([userId, member]) =>
          readMember(userId, member, now()) ?? onUnreadable?.(`CONVERSATION:${id}:MEMBERS ${userId}`) ?? [])
      }
    }
  }
}

/** Reads a member as member.lua keeps him. @returns undefined for what it does not write. */
export function readMember (userId: string, member: string, now: number) {
  const [, role, joined] = /^(owner|admin|member) (\d+) \d+/.exec(member) ?? []
  if (role === undefined || !isWhole(joined)) return undefined
  const { mutedUntil } = barOf(member)
  return { userId, role: role as Role, joinedSeq: whole(joined), ...(mutedUntil > now && { mutedUntil }) }
}
