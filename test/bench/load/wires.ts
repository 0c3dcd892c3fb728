// How each of the compared systems is spoken to: its requests as text, and what its answers look like.
import { UPGRADE } from './frames.js'
import { createRequests } from './requests.js'

export type SystemName = 'Iris' | 'nchan' | 'Socket.IO'

/** A message: the same JSON for every system. */
export interface Letter { id: string, from: string, to: string, isGroup: boolean, text: string }

/** Whether what a frame answers was done, and the lane that had asked. */
export interface Answer { lane: string, isDone: boolean }

/** A receiver is live when it has got `ready`; without it, when its request was answered. */
export interface Wire {
  ready?: string
  /** The request that opens a receiver, by SSE where there is such a thing. */
  openStream (user: string): string
  openSocket (user: string): string
  /** What comes down where messages go up by POST: not every system has SSE. */
  isSocketOnly: boolean
  post (letter: Letter): string
  frame (letter: Letter, lane: string): string
  answerIn (payload: string): Answer | undefined
  /** What a frame asks to be sent back at once. */
  replyTo (payload: string): string | undefined
}

const bodyOf = ({ id, to, isGroup, text }: Letter) =>
  `{"clientMsgId":"${id}",${isGroup ? '"conversationId"' : '"to"'}:"${to}","type":"text","content":{"text":"${text}"}}`

/** The answer to a command, and a refusal: both name the lane. */
const heads: [string, boolean][] = [['{"event":"ACK_DOWN","requestId":"', true], ['{"requestId":"', false]]

function iris (port: number, secret: string): Wire {
  const requests = createRequests(port, secret)
  return {
    ready: '"IRIS.READY"',
    isSocketOnly: false,
    openStream: user => requests.get('/v1/down/events', user, 'Accept: text/event-stream\r\n'),
    openSocket: user => requests.get('/v1/ws', user, `${UPGRADE}Sec-WebSocket-Protocol: iris.v1\r\n`),
    post: letter => requests.post('/v1/up/msg', letter.from, bodyOf(letter)),
    frame: (letter, lane) => `{"up":"MSG_UP","requestId":"${lane}","body":${bodyOf(letter)}}`,
    answerIn (payload) {
      const [head = '', isDone = false] = heads.find(([head]) => payload.startsWith(head)) ?? []
      return head === '' ? undefined : { lane: payload.slice(head.length, payload.indexOf('"', head.length)), isDone }
    },
    replyTo: () => undefined
  }
}

/** What goes to `/pub/<name>` comes down from `/sub/<name>`. */
function plain (port: number) {
  const host = `Host: 127.0.0.1:${port}\r\n`
  return {
    host,
    post (letter: Letter): string {
      const body = bodyOf(letter)
      return `POST /pub/${letter.to} HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    }
  }
}

const never = (): never => { throw new Error('this system has no such way') }

function nchan (port: number): Wire {
  const { host, post } = plain(port)
  return {
    isSocketOnly: false,
    openStream: user => `GET /sub/${user} HTTP/1.1\r\n${host}Accept: text/event-stream\r\n\r\n`,
    openSocket: never,
    post,
    frame: never,
    answerIn: () => undefined,
    replyTo: () => undefined
  }
}

/** Engine.IO 4 and Socket.IO 5: `0` opens, `40` connects, `2` is a ping, `42<id>[...]` an event, `43<id>[...]` its acknowledgement. */
function socketIO (port: number): Wire {
  const { host, post } = plain(port)
  return {
    ready: '40{',
    isSocketOnly: true,
    openStream: never,
    openSocket: user => `GET /socket.io/?EIO=4&transport=websocket&user=${user} HTTP/1.1\r\n${host}${UPGRADE}\r\n`,
    post,
    frame: (letter, lane) => `42${lane}["MSG_UP",${bodyOf(letter)}]`,
    answerIn: payload => payload.startsWith('43') ? { lane: payload.slice(2, payload.indexOf('[')), isDone: true } : undefined,
    replyTo: payload => payload.startsWith('0{') ? '40' : payload === '2' ? '3' : undefined
  }
}

export const wires: Record<SystemName, (port: number, secret: string) => Wire> = { Iris: iris, nchan, 'Socket.IO': socketIO }
