// A hook of an application: keeps what it was asked, as far as that was signed, and answers as a test wants.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import { SECRET } from './receiver.js'

/** What was asked. `headers`: those of the request. */
export interface Asked { type: string, timestamp: string, data: Record<string, unknown>, headers: Record<string, string> }

/** What is answered: an object as JSON, later when it is promised; or by hand. */
export type Answer = object | Promise<object> | { byHand (response: ServerResponse): unknown }

export const ALLOW = { action: 'allow' }

const isByHand = (answer: object): answer is { byHand (response: ServerResponse): unknown } => 'byHand' in answer

/** Starts one. `answer` may be replaced later. */
export async function startHook (t: Pick<Test, 'teardown'>) {
  const webhook = new Webhook(SECRET)
  const world = { answer: (_asked: Asked): Answer => ALLOW, asked: [] as Asked[], forged: 0 }

  async function give (response: ServerResponse, asked: Asked): Promise<void> {
    const answer = await world.answer(asked)
    if (isByHand(answer)) return void answer.byHand(response)
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const headers = request.headers as Record<string, string>
      try {
        const asked = { ...webhook.verify(Buffer.concat(chunks).toString(), headers) as Omit<Asked, 'headers'>, headers }
        world.asked.push(asked)
        void give(response, asked)
      } catch {
        world.forged++
        response.writeHead(400).end()
      }
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return Object.assign(world, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/before`,
    /** What was asked about a user. */
    about: ({ userId }: { userId: string }) => world.asked.filter(({ data }) => data['from'] === userId)
  })
}
