// Hints between nodes: what another node's script or command published for users who are connected here. Section 6.
import { parseCursor } from '../protocol/ids.js'
import type { Clock } from '../store/redis/clock.js'
import type { Redis } from '../store/redis/redis.js'
import { readReference } from '../store/user/entry.js'
import { readDeleted } from '../store/user/online.js'
import type { TerminalOf } from '../store/user/leases.js'
import { keys, partition } from '../store/keys.js'
import { hintedItem } from '../stream/feed.js'
import type { Closing, Hub } from '../hub/hub.js'
import type { Standings, Stood } from '../hub/standings.js'
import type { Showing, Watching } from '../hub/volatile.js'
import { type Page, pageTodo } from '../stream/jobs.js'
import type { TokenLife } from '../stream/lifetime.js'
import type { Recalled } from '../stream/recalled.js'
import type { createPresence } from './presence.js'
import { createReceipts, TAKE_MS } from './receipts.js'
import type { Handed } from '../stream/kept.js'
import { createSubscription } from './subscription.js'

/** What a node may be told beside entries: connections to close, fresh tokens. */
export type NodeMessage =
  | { close: Closing & { userId: string } }
  | { renew: { userId: string, terminalId: string, fresh: TokenLife } }

/**
 * What a node may be asked: to show a frame, to print a page of history, to watch users, to hand over the session of a terminal that polls;
 * how far a user's terminals are printed.
 */
interface Questions { show: Showing, page: TerminalOf & { page: Page }, watch: Watching, handOver: TerminalOf, standing: Standings }
/** What it answers: the terminals that took the frame, as `<user>/<terminal>`; whether one took the page, or the list; the session's. */
interface Answers { show: string[], page: boolean, watch: boolean, handOver: Handed | null, standing: Stood }
type Kind = keyof Questions
/** A question on its way: `from` waits for the answer; who hears it later than `until` (ms) does nothing. */
interface Asked<K extends Kind = Kind> { id: number, from: string, via: string, until: number, kind: K, question: Questions[K] }

interface Floor {
  redis: Redis
  node: string
  hub: Hub
  recalled: Pick<Recalled, 'learn' | 'user'>
  presence: ReturnType<typeof createPresence>
  clock: Pick<Clock, 'now' | 'notBefore'>
  log: Parameters<typeof createSubscription>[0]['log']
  /** Called whenever the channels are heard (again): hints that came before are lost. */
  onSubscribed (): void
  /** Once a second while others are not heard, and the store answers. */
  onDeaf (): void
  /** Called when an older process under this name is up. */
  onTwin (): void
  /** Called with the mark of each hint, before it is printed. [STORE-1] */
  onMark (mark: string): void
}

/**
 * What nodes say to each other.
 * @returns `tell(userId, node, message)` publishes to another node, or does it here; `ask(...)` waits for its answer, too; `hears(...)`:
 *   whether one is there; `isHearing()`, `isProven()`, `proven()`, `isKeeping()`, `ageMs()`, `drops()`, `speak()`: see `createProof`;
 *   `close()` stops listening.
 */
export function createNodes ({
  redis, node, hub, recalled, presence, clock: { now, notBefore }, log, onSubscribed, onDeaf, onTwin, onMark
}: Floor) {
  const receipts = createReceipts()
  const answers: { [K in Kind]: (question: Questions[K]) => Answers[K] } = {
    show: hub.show,
    page: ({ userId, terminalId, page }) => hub.addJob(userId, terminalId, pageTodo(page)),
    watch: hub.watch,
    handOver: hub.handOver,
    standing: hub.standing
  }
  const subscription = createSubscription({
    redis,
    notBefore,
    node,
    onSaid,
    onPresence (text) {
      const deleted = readDeleted(text)
      if (deleted === undefined) presence.published(text)
      else recalled.user(deleted)
    },
    onDeaf,
    onTwin,
    onSubscribed () {
      onSubscribed()
      presence.heard()
    },
    onLost () {
      hub.forgetAll()
      presence.lost()
    },
    log
  })
  const { isHearing } = subscription

  function onSaid (text: string): void {
    const message = heard(text)
    // a lost hint costs latency only; thrown here, a bug would end the process
    try { if (message) receive(message) } catch (err) { log.error({ err }, 'a bug: what another node said could not be done') }
  }

  /** The answer goes to whoever asked: on any channel of his, since he hears all of them. */
  function answer<K extends Kind> ({ id, from, via, until, kind, question }: Asked<K>): void {
    if (now() > until) return
    // one that is lost is as good as none: he who asks has his deadline
    redis.spublish(keys.node(partition(via), from), JSON.stringify({ answer: { id, said: answers[kind](question) } }))
      .catch(() => undefined)
  }

  function hear ([mark, groups]: Hints): void {
    for (const [fields, body, ...told] of groups) {
      const reference = readReference(fields)
      for (let i = 0; i < told.length; i += 2) {
        const [userId, id] = told.slice(i, i + 2) as [string, string]
        if (!parseCursor(id)) continue
        onMark(mark)
        // a copy of the recalled text may lie in the tail: it is read anew, as the tombstone [DOWN-2]
        if (recalled.learn(userId, reference, body)) hub.forget(userId)
        hub.hint(userId, hintedItem(id, reference, body))
      }
    }
  }

  function receive (message: Heard): void {
    if (Array.isArray(message)) hear(message)
    else if ('ask' in message) answer(message.ask)
    else if ('answer' in message) receipts.settle(message.answer.id, message.answer.said)
    else if ('close' in message) hub.close(message.close.userId, message.close)
    else if ('renew' in message) hub.renew(message.renew.userId, message.renew.terminalId, message.renew.fresh)
  }

  return {
    async tell (userId: string, to: string, message: NodeMessage): Promise<void> {
      if (to === node) receive(message)
      else await redis.spublish(keys.node(partition(userId), to), JSON.stringify(message))
    },

    /**
     * Asks a node; this one without a way through Redis.
     * @param via a user whose channel is taken.
     * @returns its answer; undefined when it is not there, or does not answer in time:
     *   then it has done nothing, or does not know that it has.
     *   A deaf node asks for nothing that is done by the answer alone, and waits for no answer.
     */
    async ask<K extends Kind> (via: string, to: string, kind: K, question: Questions[K]): Promise<Answers[K] | undefined> {
      if (to === node) return answers[kind](question)
      if (!isHearing() && kind !== 'show') return undefined
      const asked = { from: node, via, until: now() + TAKE_MS, kind, question }
      const send = async (id: number) =>
        Number(await redis.spublish(keys.node(partition(via), to), JSON.stringify({ ask: { id, ...asked } })))
      if (isHearing()) return await receipts.await(send) as Answers[K] | undefined
      await send(0)
      return undefined
    },

    /** @returns whether a node hears what it is told: one that was killed does not. @param via a user whose channel is taken. */
    async hears (via: string, to: string): Promise<boolean> {
      // the answer to no question: it is passed by
      return to === node ||
        Number(await redis.spublish(keys.node(partition(via), to), JSON.stringify({ answer: { id: 0, said: null } }))) > 0
    },

    ...subscription
  }
}

/** As `hint.lua` publishes them: the mark; then by their fields and body the entries, each by its user and its id in turn. */
type Hints = [string, [(string | number)[], string, ...string[]][]]
type Heard = NodeMessage | Hints | { ask: Asked } | { answer: { id: number, said: unknown } }

/** @returns what was said; undefined when it cannot be read. */
function heard (text: string): Heard | undefined {
  try {
    const said = JSON.parse(text) as Heard
    return Array.isArray(said) && !Array.isArray(said[1]) ? undefined : said
  } catch {
    return undefined
  }
}

export type Nodes = ReturnType<typeof createNodes>
