// Webhooks as they are kept: where to, of what, by which secrets. [WEBHOOK-1]
import { isDeepStrictEqual } from 'node:util'
import { keys } from '../keys.js'
import type { StoreContext } from '../life/context.js'
import { isFull } from '../redis/full.js'
import { hashOf } from '../redis/hash.js'
import { parsed } from '../redis/readable.js'
import { defineScript } from '../script/scripts.js'
import { seal, unseal } from '../sealed.js'

const putWebhook = defineScript('put-webhook', {
  full: 'refused', keys: ['webhooks', 'events'], args: ['id', 'record', 'group', 'most', 'apart']
})
const resealWebhook = defineScript('reseal-webhook', { full: 'done', keys: ['webhooks'], args: ['id', 'before', 'record'] })
const removeWebhook = defineScript('remove-webhook', {
  full: 'done', keys: ['webhooks', 'events', 'owner', 'dead', 'again', 'trouble'], args: ['id', 'group', 'record', 'before']
})

/** The id of the webhook that the environment names. */
export const CONFIGURED = 'configured'

/** A webhook. `types`: all kinds when absent; `disabled`: since when, and why. `secrets`: empty when they cannot be read any more. */
export interface Target {
  id: string
  url: string
  types?: string[]
  secrets: string[]
  createdAt: number
  disabled?: { at: number, reason: string }
}

type Record_ = Omit<Target, 'id' | 'secrets'> & { sealed: string }

/** The consumer group of a webhook among those of the stream of events. */
export const groupOf = (id: string) => `webhook:${id}`

/** What all scripts of one webhook work on. */
export const webhookKeys = (id: string) => ({
  webhooks: keys.webhooks,
  events: keys.events,
  owner: keys.webhookOwner(id),
  dead: keys.webhookDead(id),
  again: keys.webhookAgain(id),
  trouble: keys.webhookTrouble(id)
})

/**
 * Makes the memory of webhooks.
 * @param by by which their secrets are sealed: by the first; while these are rotated, read by any.
 */
export function createTargets ({ redis, limits, onUnreadable }: StoreContext, by: readonly string[]) {
  const sealers = by.map(key => `secrets of webhooks by ${key}`)

  function read (id: string, text: string): Target | undefined {
    const { sealed, ...facts } = parsed<Record_>(text) ?? {} as Partial<Record_>
    if (typeof facts.url !== 'string' || typeof facts.createdAt !== 'number') return void onUnreadable?.(`WEBHOOKS ${id}`)
    const secrets = sealers.map(sealer => unseal(sealer, String(sealed))).find(found => found !== null)
    return { id, ...facts, secrets: secrets?.split(' ') ?? [] } as Target
  }

  const textOf = ({ id: _, secrets, ...facts }: Target) => JSON.stringify({ ...facts, sealed: seal(sealers[0] ?? '', secrets.join(' ')) })

  return {
    /** @returns all of them, by their ids. */
    async list (): Promise<Target[]> {
      const found = [...await hashOf(redis, keys.webhooks)].flatMap(([id, text]) => read(id, text) ?? [])
      return found.sort((a, b) => a.id < b.id ? -1 : 1)
    },

    async get (id: string): Promise<Target | undefined> {
      const text = await redis.hget(keys.webhooks, id)
      return text === null ? undefined : read(id, text)
    },

    /**
     * Seals by the first key what an older one has sealed: that one is not needed any more. One that changes meanwhile stays as it is;
     * a store that is full holds up nobody.
     */
    async reseal (): Promise<void> {
      for (const [id, before] of await hashOf(redis, keys.webhooks)) {
        const target = read(id, before)
        const isSealed = unseal(sealers[0] ?? '', String(parsed<Record_>(before)?.sealed)) !== null
        if (!target || target.secrets.length === 0 || isSealed) continue
        await resealWebhook(redis, { webhooks: keys.webhooks }, { id, before, record: textOf(target) }).catch((error: unknown) => {
          if (!isFull(error)) throw error
        })
      }
    },

    /** Keeps one; a new one, or one that was disabled, begins with what happens from now on. Throws TOO_MANY_WEBHOOKS. */
    async put (target: Target): Promise<{ created: boolean }> {
      const { id } = target
      const { webhooks, events } = webhookKeys(id)
      const [, created] = await putWebhook(redis, { webhooks, events }, {
        id, record: textOf(target), group: groupOf(id), most: limits.webhooks, apart: CONFIGURED
      })
      return { created: created === 1 }
    },

    /** Forgets one with all that was to be told to it. @returns whether it was known. */
    async remove (id: string): Promise<boolean> {
      const [, was] = await removeWebhook(redis, webhookKeys(id), { id, group: groupOf(id), record: '', before: '' })
      return was === 1
    },

    /** One is told nothing more, until it is put again. @returns false when it was put, or removed, meanwhile: then nothing happens. */
    async disable (target: Target, disabled: { at: number, reason: string }): Promise<boolean> {
      const { id } = target
      const before = await redis.hget(keys.webhooks, id)
      if (before === null || !isDeepStrictEqual(read(id, before), target)) return false
      const [, was] = await removeWebhook(redis, webhookKeys(id), {
        id, group: groupOf(id), record: textOf({ ...target, disabled }), before
      })
      return was === 1
    }
  }
}

export type Targets = ReturnType<typeof createTargets>
