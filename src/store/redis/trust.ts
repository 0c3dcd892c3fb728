// A Redis is worked with only after it was looked at: at the start, and after every reconnect.
// Until then its commands fail, with the reason.
import { setTimeout as delay } from 'node:timers/promises'
import { type Redis, ReplyError } from 'ioredis'
import { Problem } from '../../protocol/problem.js'
import { checkRedis, type Found } from './check-redis.js'
import { createGated } from './gated.js'
import { createProbe } from './probe.js'
import { isUnavailable } from './redis.js'
import { isRefusal, type Reason, reasonOf, reasons } from './redis-errors.js'

/** How soon a Redis that is there but cannot be worked with is looked at again, and one that waits for other nodes' word. */
const [AGAIN_MS, OWING_MS] = [1_000, 100]
/** How often one that is worked with is asked whether it still may be, and told that this node is at work. */
const BEAT_MS = 1_000
/** So long a start waits for the first verdict. */
const FIRST_WORD_MS = 500

export interface TrustFacts {
  redis: Redis
  /** What IRIS_DURABILITY expects of a Redis that Iris does not start itself. */
  expected?: 'disk' | 'memory' | undefined
  /** Called, before anything else, when a connection has passed. Throws STORE_UNAVAILABLE when nothing may be served. */
  begin (): Promise<void>
  /**
   * Called every second from then on, and throws the same.
   * @returns whether something may not have been told to this node: see `createLife`.
   */
  beat (): Promise<boolean>
  /** Called when the store may be worked with (again), when it takes writes again, and when something may not have been told. */
  onTrusted (): void
  /** Called with a sentence when the first Redis that answers refuses, or breaks a promise, so that waiting cannot help. */
  onUnfit?: ((sentence: string) => void) | undefined
  log: {
    info (facts: object, message: string): void
    warn (facts: object, message: string): void
    error (facts: object, message: string): void
  }
}

export type Trust = ReturnType<typeof createTrust>

/**
 * Watches a connection.
 * @returns `gated`: the same connection for everybody else, whose commands are STORE_UNAVAILABLE while `state().reason` says
 *   why; `firstWord()` resolves at the first verdict, be it good or bad, or soon; `doubt()` asks for another; `stop()` ends the watch: the
 *   connection may be worked with until it ends.
 */
export function createTrust ({ redis, expected, begin, beat, onTrusted, onUnfit, log }: TrustFacts) {
  let reason: Reason | undefined = reasons.silent
  let found: Found | undefined
  let refusal = ''
  let looks = 0
  let isChecking = false
  let again: NodeJS.Timeout | undefined
  const said = new Set<string>()
  const warned = new Set<string>()
  let settle: () => void = () => undefined
  const settled = new Promise<void>(resolve => { settle = resolve })

  /** One line for an outage, and one for each new reason during it; not one for each attempt. */
  function shut (now: Reason): void {
    looks++
    clearTimeout(again)
    reason = now
    const { why } = now
    if (!said.has(why)) log.error({}, `${why}: commands answer 503, streams wait`)
    said.add(why)
    settle()
  }

  function open (facts: Found): void {
    for (const warning of facts.warnings.filter(each => !warned.has(each))) log.warn({}, warning)
    facts.warnings.forEach(each => warned.add(each))
    found = facts
    reason = undefined
    refuses('')
    if (said.size > 0) log.info({ redis: facts.version, durability: facts.durability }, 'Redis is there')
    said.clear()
    settle()
    onTrusted()
  }

  async function look (): Promise<void> {
    const mine = ++looks
    clearTimeout(again)
    try {
      const facts = await checkRedis(redis, expected)
      if (mine === looks) await begin()
      if (mine === looks) open(facts)
    } catch (error) {
      if (mine !== looks) return
      if (isUnavailable(error) && !isRefusal(error)) shut(reasonOf(error))
      else refuse(error)
      lookSoon()
    }
  }

  /**
   * The one timer: what waits for it is still so when it comes.
   * One that reads its data, which may take minutes, is connected but not ready.
   * Of a replica another connection is tried: its address may lead to the master by then.
   */
  function lookSoon (): void {
    clearTimeout(again)
    again = setTimeout(() => {
      if (reason?.why === reasons.replica.why) redis.disconnect(true)
      else if (redis.status === 'ready') void look()
      // who reads his data has answered that
      else if (redis.status === 'connect') shut(redis.stream.bytesRead > 0 ? reasons.reading : reasons.dead)
    }, reason?.why === reasons.owing.why ? OWING_MS : AGAIN_MS).unref()
  }

  /** What was sound may have become a replica, or hold other data: the next command would be the first to find out. */
  async function check (): Promise<void> {
    if (reason !== undefined || isChecking) return
    const mine = looks
    isChecking = true
    try {
      const isUntold = await beat()
      if (mine !== looks) return
      const isAllowedAgain = refusal !== ''
      refuses('')
      if (isUntold || isAllowedAgain) onTrusted()
    } catch (error) {
      if (mine !== looks) return
      if (error instanceof ReplyError) refuses(reasonOf(error).why)
      if (!(error instanceof Problem)) return // an outage of the connection: the probe, and whoever asks, will see
      shut(reasonOf(error))
      lookSoon()
    } finally {
      isChecking = false
    }
  }

  /** It answers, and what reads is served: one line when it begins, and one when it ends. */
  function refuses (why: string): void {
    if (why !== '' && why !== refusal) log.error({}, `${why}: what users ask, and what writes, answers 503, who attaches gets BYE 4202`)
    if (why === '' && refusal !== '') log.info({}, 'Redis does again what it is asked to')
    refusal = why
  }

  /** At the start somebody who can mend it is there; later, what was sound may become so again. */
  function refuse (error: unknown): void {
    if (found || !onUnfit) return shut(reasonOf(error))
    settle()
    onUnfit(reasonOf(error).why)
  }

  const onReady = () => void look()
  const onConnect = lookSoon
  const onClose = () => {
    clearTimeout(again)
    if (reason === undefined || reason === reasons.silent) shut(reasons.ended)
  }
  const onError = (error: Error) => {
    if (isRefusal(error)) refuse(error)
    else if (redis.status !== 'ready') shut(reasonOf(error))
  }
  redis.on('ready', onReady).on('connect', onConnect).on('close', onClose).on('error', onError)
  const beats = setInterval(() => void check(), BEAT_MS).unref()
  const probe = createProbe({ redis, onDead: () => shut(reasons.dead) })
  if (redis.status === 'ready') void look()

  return {
    gated: createGated(redis, () => reason),
    firstWord: () => Promise.race([settled, delay(FIRST_WORD_MS)]),
    /** What was found at a connect has changed: it is looked at again, and worked with until that says otherwise. */
    doubt: () => { if (reason === undefined) void look() },
    /** Why the store cannot be worked with (undefined: it can), why it refuses to write, and what was found last. */
    state: () => ({ reason: reason?.why, refusal, version: found?.version, durability: found?.durability }),
    stop (): void {
      looks++
      clearTimeout(again)
      probe.stop()
      clearInterval(beats)
      redis.off('ready', onReady).off('connect', onConnect).off('close', onClose).off('error', onError)
      // nobody looks at what comes then
      redis.once('close', () => { reason ??= reasons.ended })
    }
  }
}
