// Many users with a stream each, as cheap as can be: a raw socket that says one request and reads nothing but that it is live.
import { connect, type Socket } from 'node:net'
import { SignJWT } from 'jose'
import { SECRET } from './iris.js'

const CONNECTING = 50

/** Opens a stream for each user; they stay open until destroyed. @param url of the node. */
export async function openCrowd (url: string, userIds: string[]): Promise<Socket[]> {
  const sockets: Socket[] = []
  const waiting = [...userIds]
  const worker = async () => {
    for (let userId = waiting.shift(); userId !== undefined; userId = waiting.shift()) sockets.push(await openOne(url, userId))
  }
  await Promise.all(Array.from({ length: CONNECTING }, worker))
  return sockets
}

/** @returns a user's token, made without a request. */
export async function tokenOf (userId: string): Promise<string> {
  return await new SignJWT({ sub: userId }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h').sign(new TextEncoder().encode(SECRET))
}

async function openOne (url: string, userId: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.setEncoding('utf8')
  socket.write(`GET /v1/down/events HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${await tokenOf(userId)}\r\n\r\n`)
  let text = ''
  await new Promise<void>((resolve, reject) => {
    socket.on('data', chunk => {
      text += chunk.toString()
      if (text.includes('IRIS.READY')) resolve()
    }).on('error', reject).on('close', () => reject(new Error(`the stream ended: ${text}`)))
  })
  socket.removeAllListeners().on('error', () => undefined).resume()
  return socket
}
