// WebSocket: down only, the way up stays HTTP. A page may send no headers, so it needs a ticket.
import type { Frame } from '../base/wire.js'
import { type Transport, untilOver } from './transport.js'

export const webSocket: Transport = async ({ WebSocket, address, heard, frame }, signal) => {
  const url = await address('/v1/ws')
  await untilOver(signal, over => {
    // connect() offers this way only where there is one
    const socket = new (WebSocket as NonNullable<typeof WebSocket>)(url.replace('http', 'ws'), 'iris.v1')
    // one that is no browser's may throw what nobody hears
    socket.onerror = socket.onclose = over
    socket.onmessage = ({ data }) => {
      heard()
      frame(() => JSON.parse(data) as Frame)
    }
    return socket
  })
}
