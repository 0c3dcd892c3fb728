// Long-polls: each user has a keep-alive socket on which the next poll follows the answer of the last one.
import { attachAll, type Readers } from './attach.js'
import type { Counter } from './counter.js'
import { openHttp } from './http.js'
import type { Requests } from './requests.js'

/** The longest that the protocol allows. */
const TIMEOUT_MS = 30_000

/** Makes the long-polls of a server. */
export function createPolls (port: number, requests: Requests, counter: Counter): Readers {
  const sockets = new Set<{ end (): void }>()

  /** Starts to poll. @returns when the first answer has told the cursor, from which nothing is missed. */
  async function open (userId: string): Promise<void> {
    let live: () => void = () => undefined
    const socket = await openHttp(port, (status, body) => {
      if (status !== '200') return // said by openHttp: what this user does not get is missed in the count
      counter.hasRead()
      count(body)
      const at = body.lastIndexOf('"cursor":"') + 10
      poll(TIMEOUT_MS, `lastEventId=${body.slice(at, body.indexOf('"', at))}&`)
      live()
    })
    const poll = (timeoutMs: number, cursor: string) => socket.send(requests.get(`/v1/down/poll?${cursor}timeoutMs=${timeoutMs}`, userId))
    sockets.add(socket)
    await new Promise<void>(resolve => {
      live = resolve
      poll(0, '')
    })
  }

  function count (body: string): void {
    for (let at = body.indexOf('{"event":"'); at >= 0; at = body.indexOf('{"event":"', at + 10)) {
      if (body.startsWith('MSG_DOWN', at + 10)) counter.message(body, at)
      else if (body.startsWith('ACK_DOWN', at + 10)) counter.ack()
    }
  }

  return {
    attach: async users => await attachAll(users, open),

    async detach () {
      for (const socket of sockets) socket.end()
      sockets.clear()
    }
  }
}
