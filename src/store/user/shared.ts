// Notices to everybody: each stands once for all; with a user stands its place, when it has reached him. [NOTICE-1] [NOTICE-2]
import { type Login, tokenArgs } from '../access/kicks.js'
import { keys, partition } from '../keys.js'
import { downArgs, downValues, type Here, readHere, type StoreContext } from '../life/context.js'
import { defineScript } from '../script/scripts.js'
import { boxKeys, boxKeysOf } from './pending.js'

const storeShared = defineScript('store-shared', {
  full: 'refused', preludes: ['claim'], keys: ['shared', 'claim'], args: ['id', 'needs', 'meta', 'draft', 'ttlMs', 'most']
})
const putShared = defineScript('put-shared', {
  full: 'refused',
  preludes: ['life', 'down', 'event', 'kick', 'hint', 'deliver', 'box'],
  keys: [...boxKeys, 'shared', 'kick'],
  args: [...downArgs, 'user', 'tag', 'keepMs', 'terminal', 'issued', 'expires']
})
const cancelShared = defineScript('cancel-shared', { full: 'done', keys: ['shared'], args: ['id', 'most'] })

/** A notice to everybody. `draft`: its JSON, to which Redis adds `ts` and `expiresAt`; `once`: it needs no completion. */
export interface SharedNotice { id: string, kind: string, draft: string, ttlMs: number, once: boolean }

/** Makes the notices to everybody of a store. */
export function createShared (store: StoreContext) {
  const { redis, limits } = store
  return {
    /** Keeps one, once. @returns false when it was taken back before. Throws TOO_MANY_NOTICES. */
    async store ({ id, kind, draft, ttlMs, once }: SharedNotice): Promise<boolean> {
      const [, outcome] = await storeShared(redis, { shared: keys.everybody, claim: keys.notice(id) }, {
        id,
        needs: once ? 'once' : 'completion',
        meta: JSON.stringify({ kind, share: once ? '*once' : '*everybody' }),
        draft,
        ttlMs,
        most: limits.everybody
      })
      return outcome !== 'over'
    },

    /** @returns the names of those that there are: their ids, `!` before one that was taken back. */
    names: async (): Promise<string[]> => await redis.hkeys(keys.everybody),

    /**
     * Those of these that last reach a user, if they have not yet; not one who would attach by a login that is kicked.
     * @returns the entries that this node's own terminals wait for; the ids of those that were taken back and stand with him still.
     */
    async put (userId: string, names: string[], login?: Login): Promise<{ here: Here, gone: string[] }> {
      const { issuedAt: issued, expiresAt: expires } = login ? tokenArgs(login) : { issuedAt: '', expiresAt: '' }
      const [, here, gone] = await putShared(redis, {
        ...boxKeysOf('NOTICE_BOX', userId), shared: keys.everybody, kick: keys.kick(userId)
      }, {
        ...downValues(store),
        user: userId,
        tag: partition(userId),
        keepMs: limits.dedupeSec * 1000,
        terminal: login?.terminalId ?? '',
        issued,
        expires
      }, names)
      return { here: readHere(store, here), gone: gone as string[] }
    },

    /** Takes one back. @returns whether it was there. */
    async remove (id: string): Promise<boolean> {
      const [, removed] = await cancelShared(redis, { shared: keys.everybody }, { id, most: limits.everybody })
      return removed === 1
    }
  }
}

export type Shared = ReturnType<typeof createShared>
