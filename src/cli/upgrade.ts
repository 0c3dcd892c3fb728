// A WebSocket's handshake by hand: a client of the standard library does not tell how it was refused.
import { randomBytes } from 'node:crypto'
import { request as plain, type IncomingMessage } from 'node:http'
import { request as secure } from 'node:https'
import type { Duplex } from 'node:stream'
import { json } from 'node:stream/consumers'

const DEADLINE_MS = 10_000

interface Asked { url: string, terminalId?: string, token?: string, origin?: string }

export interface Upgraded {
  /** 101: it is upgraded; 0: nobody has answered. */
  status: number
  /** Of the problem that it was refused with. */
  code?: string
  detail?: string
  /** The connection, once it is upgraded, and what has come with the answer. The caller ends it. */
  socket?: Duplex
  head?: Buffer
}

/** Asks for a WebSocket. @returns how that was answered. */
export async function askUpgrade ({ url, terminalId, token, origin }: Asked): Promise<Upgraded> {
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'iris.v1',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(origin !== undefined && { origin })
  }
  const query = terminalId === undefined ? '' : `?lease=socket&terminalId=${terminalId}`
  return await new Promise(resolve => {
    const request = (url.startsWith('https:') ? secure : plain)(`${url}/v1/ws${query}`, { headers, agent: false, timeout: DEADLINE_MS })
    request.on('upgrade', (_answer: IncomingMessage, socket: Duplex, head: Buffer) => resolve({ status: 101, socket, head }))
    request.on('response', response => {
      const { statusCode: status = 0 } = response
      json(response).then(body => resolve({ ...body as object, status }), () => resolve({ status }))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve({ status: 0 }))
    request.end()
  })
}
