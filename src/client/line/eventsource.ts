// Server-Sent Events by the browser's EventSource: it sends no headers, so it needs a ticket.
import { type Transport, untilOver } from './transport.js'

export const eventSource: Transport = async ({ EventSource, pathOf, address, frame, heard }, signal) => {
  let seen = /lastEventId=([^&]*)/.exec(pathOf(''))?.[1]
  const url = await address('/v1/down/events')
  await untilOver(signal, over => {
    // connect() offers this way only where there is one
    const source = new (EventSource as NonNullable<typeof EventSource>)(url)
    // it would come back by itself, but says neither why nor when
    source.onerror = over
    for (const event of ['MSG_DOWN', 'ACK_DOWN', 'CMD_DOWN', 'NOTICE_DOWN']) {
      source.addEventListener(event, ({ data, lastEventId }) => {
        heard()
        // an event without an id repeats the last one
        const id = lastEventId === seen ? undefined : lastEventId
        frame(() => ({ event, id, data: JSON.parse(data) as Record<string, unknown> }))
        seen = lastEventId
      })
    }
    return source
  })
}
