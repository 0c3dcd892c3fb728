// The connection by which this node hears the others: subscribed anew whenever it is there again, proven all the time. [DOWN-2]
import { randomUUID } from 'node:crypto'
import { keys, PARTITIONS } from '../store/keys.js'
import { createRedisSubscriber, type Redis } from '../store/redis/redis.js'
import { createProof } from './proof.js'
import { createTwins } from './twins.js'

interface Floor {
  /** The commands' connection. */
  redis: Redis
  /** @returns when it was not yet so late, by a time of Redis: see `createClock`. */
  notBefore (theirs: number): number
  node: string
  /** Something was said to this node. */
  onSaid (text: string): void
  /** A user came, or went, or was deleted: see presence.lua and going.lua. */
  onPresence (text: string): void
  /** Called whenever the channels are heard (again): what was said before is lost. */
  onSubscribed (): void
  /** What is said from now on is lost. */
  onLost (): void
  /** Once a second while others are not heard, and the store answers. */
  onDeaf (): void
  /** An older process under this name is up. */
  onTwin (): void
  log: Parameters<typeof createProof>[0]['log']
}

/**
 * Subscribes to the channels of this node: one per partition, however many users there are, and one for who comes and goes there.
 * @returns `isHearing()`, `isProven()`, `proven()`, `isKeeping()`, `ageMs()`, `drops()`, `speak()`: see `createProof`;
 *   `close()` stops listening.
 */
export function createSubscription ({ redis, notBefore, node, onSaid, onPresence, onSubscribed, onLost, onDeaf, onTwin, log }: Floor) {
  const subscriber = createRedisSubscriber(redis)
  const channels = Array.from({ length: PARTITIONS }, (_, p) => keys.node(p, node))
  const comings = new Set(channels.map((_, p) => keys.presence(p)))
  // two processes that bear one name hear each other's
  const began = performance.now()
  const ageMs = () => Math.round(performance.now() - began)
  const name = `${Date.now()}-${randomUUID()}`
  const isOfTwin = createTwins({ name, ageMs }, onTwin)
  const opening = `{"word":"${name}`
  let isClosed = false

  const { connected, subscribed, lost, heard, stop, ...proof } = createProof({
    // each channel in its turn; the time is Redis' when it comes to the word, or a little earlier
    async say (word) {
      const time = redis.time()
      const passedTo = redis.spublish(channels[word % PARTITIONS] as string, `${opening} ${word} ${ageMs()}"}`)
      const [[seconds, micros], to] = await Promise.all([time, passedTo])
      return { passedTo: Number(to), since: notBefore(Number(seconds) * 1000 + Number(micros) / 1000) }
    },
    drop: () => subscriber.disconnect(true),
    onDeaf,
    log
  })
  subscriber.on('connect', connected)
  subscriber.on('close', () => {
    lost()
    onLost()
  })
  subscriber.on('ready', () => {
    // what was published while nobody listened is found by looking: at once, not with the next sweep
    subscriber.ssubscribe(...channels, ...comings).then(() => {
      subscribed()
      onSubscribed()
    }, () => { if (!isClosed) subscriber.disconnect(true) })
  })
  subscriber.on('smessage', (channel: string, text: string) => {
    if (comings.has(channel)) onPresence(text)
    else if (text.startsWith(opening)) heard(parseInt(text.slice(opening.length), 10))
    else if (!isOfTwin(text)) onSaid(text)
  })

  return {
    ...proof,
    close (): void {
      isClosed = true
      stop()
      subscriber.disconnect()
    }
  }
}
