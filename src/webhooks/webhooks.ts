// What an application is told by itself: webhooks, as the environment and the server API name them. [WEBHOOK-1] to [WEBHOOK-7]
import { invalid, Problem } from '../protocol/problem.js'
import type { Limits } from '../protocol/limits.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { DeadPage, Fact } from '../store/webhook/letters.js'
import type { Outbox } from '../store/webhook/outbox.js'
import { CONFIGURED, type Target, type Targets } from '../store/webhook/targets.js'
import { type AllowedOrigin, type CallUrl, parseCallUrl } from './address.js'
import { bodyOf, createAttempt } from './attempt.js'
import { createCaller, noCaller, type Resolve, troubleOf } from './caller.js'
import { type Configured, createConfigured } from './configured.js'
import { createDispatcher } from './dispatcher.js'
import { type LaneFloor, startLane } from './lane.js'
import { newSecret } from './secret.js'
import { createSigner } from './sign.js'

/** Bytes of an answer that a test shows. */
const SHOWN_BYTES = 1_024
/** How often a node looks for secrets that others have sealed by a key that is not its first. */
const RESEAL_MS = 60_000
/** So long a webhook that is tried may take, at most, ms. */
export const TRIAL_MS = 10_000

/** What the environment says of webhooks. */
export interface WebhookConfig extends Configured {
  /** Keys of the server API, by which secrets are sealed: by the first; while they are rotated, read by any. */
  sealers: string[]
  allow: AllowedOrigin[]
}

interface Floor extends Pick<LaneFloor, 'until' | 'now' | 'log' | 'counts'> {
  targets: Targets
  outbox: Outbox
  config: WebhookConfig
  /** The kinds of events that are written. */
  kinds: readonly string[]
  limits: Limits
  resolve?: Resolve | undefined
}

export interface WebhookBody { url: string, types?: string[] | undefined, secrets?: string[] | undefined }

/** Nothing is said of webhooks. */
export const noWebhooks: WebhookConfig = { sealers: [''], allow: [], url: undefined, secrets: [], types: [] }

/** A webhook as the server API shows it. */
export type WebhookView = Awaited<ReturnType<Webhooks['get']>>

/** What became of an event that was sent to try a webhook. */
export interface Trial { delivered: boolean, ms: number, status?: number, reason?: string, answer?: string }

/** Makes the webhooks of a node. */
export function createWebhooks ({ targets, outbox, config, kinds, limits, resolve, until, now, log, counts }: Floor) {
  const connections = limits.webhookAtOnce
  const timeoutMs = limits.webhookAttemptSec * 1000

  const dispatcher = createDispatcher({ list, makeLane, log })
  const configured = createConfigured({ targets, config, now })
  let resealAt = 0

  /** One that cannot be kept now waits for the next look; the others do not wait for it. */
  async function list (): Promise<Target[]> {
    await configured.register().catch((err: unknown) => {
      if (!isUnavailable(err)) log.error({ err, webhook: CONFIGURED }, 'a webhook could not be kept: it is tried again')
    })
    if (performance.now() >= resealAt) {
      await targets.reseal()
      resealAt = performance.now() + RESEAL_MS
    }
    return (await targets.list()).filter(({ id }) => id !== CONFIGURED || configured.isRegistered())
  }

  /** What was allowed when it was named may not be any more. */
  function callerOf (target: Target, atOnce: number) {
    const parsed = parseCallUrl(target.url, config.allow)
    return 'fault' in parsed ? noCaller(parsed.fault) : createCaller(parsed, { connections: atOnce, resolve })
  }

  function makeLane (target: Target) {
    const caller = callerOf(target, connections)
    const attempt = createAttempt({
      caller,
      sign: createSigner(target.secrets),
      now,
      timeoutMs,
      mostPauseMs: limits.webhookPauseSec * 1000
    })
    async function onGone (reason: string): Promise<boolean> {
      const isDisabled = await targets.disable(target, { at: now(), reason })
      if (isDisabled) log.error({ webhook: target.id, reason }, 'a webhook wants nothing any more: it is disabled until it is put again')
      void dispatcher.look()
      return isDisabled
    }
    const lane = startLane(target, { outbox, until, attempt, onGone, limits, now, log, counts })
    return { ...lane, stop: async () => await lane.stop().finally(caller.close) }
  }

  async function found (id: string): Promise<Target> {
    const target = await targets.get(id)
    if (!target) throw new Problem('WEBHOOK_NOT_FOUND')
    return target
  }

  function urlOf (text: string): CallUrl {
    const parsed = parseCallUrl(text, config.allow)
    if ('fault' in parsed) throw invalid('/url', parsed.fault)
    return parsed
  }

  async function view ({ id, url, types, createdAt, disabled, secrets }: Target) {
    const { unread, waiting, dead, trouble } = await outbox.report(id)
    return {
      webhookId: id,
      url,
      ...(types && { types }),
      source: id === CONFIGURED ? 'configuration' as const : 'api' as const,
      createdAt,
      unread,
      waiting,
      deadLetters: dead,
      ...(trouble && { trouble }),
      ...(disabled && { disabled }),
      ...(secrets.length === 0 && { disabled: disabled ?? { at: createdAt, reason: 'its secrets cannot be read: put it again' } })
    }
  }

  return {
    waiting: dispatcher.waiting,
    start: dispatcher.start,
    stop: dispatcher.stop,
    look: dispatcher.look,
    forgetAll (): void {
      configured.forgetAll()
      void dispatcher.look()
    },

    /** Makes a webhook, or changes one. @returns it; `secrets` when they were made here, and then never again. */
    async put (id: string, { url, types, secrets }: WebhookBody) {
      if (id === CONFIGURED) throw new Problem('WEBHOOK_CONFIGURED')
      urlOf(url)
      const unknown = (types ?? []).findIndex(type => !kinds.includes(type))
      if (unknown >= 0) throw invalid(`/types/${unknown}`, `is not written here: ${kinds.join(', ') || 'nothing'} (IRIS_EVENTS)`)
      const before = await targets.get(id)
      const known = secrets ?? (before?.secrets.length ? before.secrets : undefined)
      const made = known ? undefined : [newSecret()]
      const target: Target = { id, url, ...(types && { types }), secrets: known ?? made ?? [], createdAt: before?.createdAt ?? now() }
      const { created } = await targets.put(target)
      await dispatcher.look()
      return { created, ...await view(target), ...(made && { secrets: made }) }
    },

    get: async (id: string) => await view(await found(id)),

    list: async () => await Promise.all((await targets.list()).map(view)),

    async remove (id: string): Promise<boolean> {
      const removed = await targets.remove(id)
      await dispatcher.look()
      return removed
    },

    /** Pages dead letters, oldest first. */
    async deadLetters (id: string, place: { after?: string | undefined, limit: number }): Promise<DeadPage> {
      await found(id)
      return await outbox.dead(id, place)
    },

    /** Delivers dead letters again: these, or all. */
    async replay (id: string, letters: string[] | undefined) {
      const { disabled } = await found(id)
      if (disabled) throw invalid('', 'the webhook is disabled: put it again first')
      return await outbox.replay(id, letters ?? (await outbox.dead(id, { limit: limits.webhookDead })).items.map(letter => letter.id))
    },

    /** Sends an event that means nothing, once. */
    async test ({ id, url }: { id?: string | undefined, url?: string | undefined }): Promise<Trial> {
      const target = id === undefined ? undefined : await found(id)
      const caller = target ? callerOf(target, 1) : createCaller(urlOf(url ?? ''), { connections: 1, resolve })
      const event: Fact = { id: '0-0', type: 'webhook.test', ts: now() }
      const body = bodyOf(event)
      const began = performance.now()
      const ms = () => Math.round(performance.now() - began)
      try {
        const headers = createSigner(target?.secrets.length ? target.secrets : [newSecret()])(`test_${now()}`, now(), body)
        const { status, text } = await caller.post({ headers, body, timeoutMs: Math.min(timeoutMs, TRIAL_MS), wanted: SHOWN_BYTES })
        return { delivered: status >= 200 && status < 300, ms: ms(), status, answer: text }
      } catch (error) {
        return { delivered: false, ms: ms(), reason: troubleOf(error) }
      } finally {
        await caller.close()
      }
    }
  }
}

export type Webhooks = ReturnType<typeof createWebhooks>
