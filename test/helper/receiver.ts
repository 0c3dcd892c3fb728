// A receiver of webhooks: keeps what it was sent, as far as it was signed, and answers as a test wants.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import { until } from './user.js'

/** Receivers of tests are on this machine. */
export const ALLOW = { IRIS_WEBHOOK_ALLOW: 'http://127.0.0.1:*' }

export const secretOf = (letter: string) => `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`
export const SECRET = secretOf('s')

/** One delivery. `data`: the facts of the event; `at`: when it was signed, s. */
export interface Delivery {
  id: string
  type: string
  data: Record<string, unknown>
  at: number
  timestamp: string
  signatures: number
  headers: Record<string, string>
}

/** How one is answered: by a status, or by hand. */
export type Reply = number | { byHand (response: ServerResponse): unknown }

/**
 * Starts a receiver.
 * @param reply what a delivery is answered with, also to be replaced later; `port`: where another one was.
 */
export async function startReceiver (t: Pick<Test, 'teardown'>, { reply = () => 200, secret = SECRET, port = 0 }: {
  reply?: (delivery: Delivery) => Reply
  secret?: string
  port?: number
} = {}) {
  const webhook = new Webhook(secret)
  const world = {
    reply,
    /** Everything that was sent and verified, in the order in which it came in. */
    deliveries: [] as Delivery[],
    /** What could not be verified, and why. */
    forged: [] as string[]
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const headers = request.headers as Record<string, string>
      try {
        const { type, timestamp, data } = webhook.verify(text, headers) as Pick<Delivery, 'type' | 'timestamp' | 'data'>
        const delivery = {
          id: headers['webhook-id'] ?? '',
          type,
          data,
          timestamp,
          at: Number(headers['webhook-timestamp']),
          signatures: headers['webhook-signature']?.split(' ').length ?? 0,
          headers
        }
        world.deliveries.push(delivery)
        const answer = world.reply(delivery)
        if (typeof answer === 'number') response.writeHead(answer).end('ok')
        else answer.byHand(response)
      } catch (error) {
        world.forged.push((error as Error).message)
        response.writeHead(400).end()
      }
    })
  })
  server.on('clientError', (_error, socket) => socket.destroy())
  await once(server.listen(port, '127.0.0.1'), 'listening')

  async function stop (): Promise<void> {
    server.closeAllConnections()
    if (server.listening) await new Promise(resolve => server.close(resolve))
  }
  t.teardown(stop)
  const { port: opened } = server.address() as AddressInfo
  return Object.assign(world, {
    url: `http://127.0.0.1:${opened}/hooks`,
    port: opened,
    stop,
    /** The data of what came, each event once, of those that a test asks for. */
    once: (isWanted: (delivery: Delivery) => boolean = () => true) =>
      [...new Map(world.deliveries.filter(isWanted).map(delivery => [delivery.id, delivery])).values()],
    /** Waits until so many events have come. */
    async got (count: number, isWanted?: (delivery: Delivery) => boolean): Promise<Delivery[]> {
      return await until(async () => {
        const found = this.once(isWanted)
        return found.length >= count ? found : undefined
      })
    }
  })
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>

/** Of a user. */
export const of = ({ userId }: { userId: string }) => ({ data }: Delivery) => data['userId'] === userId
