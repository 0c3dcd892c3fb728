// What an application is told by itself: webhooks, as the environment and the server API name them. [WEBHOOK-1] to [WEBHOOK-7]
import { invalid, Problem } from '../protocol/problem.js'
import type { Limits } from '../protocol/limits.js'
import { isUnavailable } from '../store/redis/redis.js'
import type { DeadPage } from '../store/webhook/letters.js'
import type { Outbox } from '../store/webhook/outbox.js'
import { CONFIGURED, type Target, type Targets } from '../store/webhook/targets.js'
import { type AllowedOrigin, type CallUrl, parseCallUrl } from './address.js'
import { createAttempt } from './attempt.js'
import { createCaller, noCaller, type Resolve } from './caller.js'
import { type Configured, createConfigured } from './configured.js'
import { createDispatcher } from './dispatcher.js'
import { type LaneFloor, startLane } from './lane.js'
import { newSecret } from './secret.js'
import { createSigner } from './sign.js'
import { type Trial, tryOut } from './trial.js'

/** How often a node looks for secrets that others have sealed by a key that is not its first. */
const RESEAL_MS = 60_000

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
    const unwritten = target.types?.filter(type => !kinds.includes(type)) ?? []
    if (unwritten.length > 0) {
      log.warn({ webhook: target.id, types: unwritten }, 'a webhook asks for kinds of events that are not written here (IRIS_EVENTS)')
    }
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
      // where it leads elsewhere, or is told anew, what was wrong is past; what is wrong still is said with the next attempt
      if (before && (before.url !== url || before.disabled)) await outbox.trouble(target, undefined)
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
      return await outbox.replay(id, letters)
    },

    /** Sends an event that means nothing, once. */
    async test ({ id, url }: { id?: string | undefined, url?: string | undefined }): Promise<Trial> {
      const target = id === undefined ? undefined : await found(id)
      const caller = target ? callerOf(target, 1) : createCaller(urlOf(url ?? ''), { connections: 1, resolve })
      const sign = createSigner(target?.secrets.length ? target.secrets : [newSecret()])
      return await tryOut(caller, { sign, now, timeoutMs })
    }
  }
}

export type Webhooks = ReturnType<typeof createWebhooks>
