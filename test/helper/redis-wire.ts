// A wire between a node and its Redis that tells the subscription from the commands, and can make either slow or dead without a word.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'

/** What a wire does with what Redis says: it comes so many ms later, or (`Infinity`) never; `delayOf` may know better for what it says. */
interface Lane { delayMs: number, delayOf?: ((text: string) => number | undefined) | undefined }

/**
 * Lays a wire to a Redis.
 * @returns `url` of its near end, and its two lanes; `subscriptions()`: how many connections have subscribed so far.
 */
export async function layRedisWire (t: Test, path: string) {
  const lanes: Record<'commands' | 'subscription', Lane> = { commands: { delayMs: 0 }, subscription: { delayMs: 0 } }
  const sockets = new Set<Socket>()
  let subscriptions = 0

  const server = createServer(near => {
    const far = connect(path)
    let lane = lanes.commands
    for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined))
    near.on('data', (chunk: Buffer) => {
      if (lane !== lanes.subscription && chunk.includes('ssubscribe')) {
        lane = lanes.subscription
        subscriptions++
      }
      far.write(chunk)
    }).on('close', () => far.destroy())
    let carried = Promise.resolve()
    far.on('data', (chunk: Buffer) => {
      const delayMs = lane.delayOf?.(chunk.toString()) ?? lane.delayMs
      if (delayMs === Infinity) return
      const due = performance.now() + delayMs
      // one behind the other, however the delay changes
      carried = carried.then(async () => {
        if (due > performance.now()) await pause(due - performance.now())
        near.write(chunk)
      })
    }).on('close', () => near.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`, ...lanes, subscriptions: () => subscriptions }
}
