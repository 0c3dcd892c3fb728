// What the empty POST is compared with: Fastify alone answers the same, and knows nothing else.
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { serve } from './child.js'

const app = Fastify()
app.post('/v1/up/cmd/get-system-time', async request => ({ serverTime: Date.now(), ...request.body as object }))
await app.listen({ host: '127.0.0.1', port: 0 })

const verbs = {
  port: () => (app.server.address() as AddressInfo).port,

  /** CPU time so far, of all threads, in us. */
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return user + system
  }
}

export type BareVerbs = typeof verbs
serve(verbs)
