// The three ways down, held for a while with nothing to say: does what stands between let the first word through, and the silence after it?
import { setTimeout as delay } from 'node:timers/promises'
import { failed, type Finding, ok, warn } from './finding.js'
import { readFrames } from './frames.js'
import { askUpgrade } from './upgrade.js'
import { whyOf } from './why.js'

/** The first events of a stream come at once; so long is waited for them. */
const FIRST_MS = 5_000
/** As long as a poll may wait. */
const MOST_POLL_MS = 30_000
/** What an answer may take beside the wait. */
const ROOM_MS = 5_000

/** The terminals that listen, one for each way. */
export const terminals = ['doctor-sse', 'doctor-poll', 'doctor-ws'] as const

interface Held { url: string, token: string, holdMs: number }

const IDLE = 'Let an idle connection live for more than 30 s (nginx: proxy_read_timeout 60s)'
/** A timer that nobody waits for any more does not hold up the end of the process: an open socket does. */
const unheld = { ref: false }
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`

/** @returns whether the events of a stream come while it is open, and whether it stays. */
export async function holdStream ({ url, token, holdMs }: Held): Promise<Finding[]> {
  const ending = new AbortController()
  const began = performance.now()
  let timer = setTimeout(() => ending.abort('silent'), FIRST_MS)
  let heard = ''
  let firstMs: number | undefined
  try {
    const response = await fetch(`${url}/v1/down/events?lease=socket&terminalId=${terminals[0]}`, {
      headers: { authorization: `Bearer ${token}` }, signal: ending.signal
    })
    if (!response.ok || !response.body) return [await refused('stream', response)]
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      heard = (heard + chunk).slice(-10_000)
      if (firstMs !== undefined || !/IRIS\.(READY|BYE)/.test(heard)) continue
      firstMs = performance.now() - began
      clearTimeout(timer)
      timer = setTimeout(() => ending.abort('held'), holdMs)
    }
    if (firstMs === undefined) return [failed('stream', 'it ended before its first events', 'See what answers there')]
  } catch (error) {
    if (!ending.signal.aborted && firstMs === undefined) return [failed('stream', `it breaks off (${whyOf(error)})`, IDLE)]
  } finally {
    clearTimeout(timer)
    ending.abort()
  }
  return judged({ heard, firstMs, heldMs: performance.now() - began, isHeld: ending.signal.reason === 'held' })
}

/** What an answer says that brings nothing; what is no problem came from something else. */
async function refused (of: string, response: Response): Promise<Finding> {
  const { code = 'and not by Iris' } = await response.json().catch(() => ({})) as { code?: string }
  return failed(of, `it is answered ${response.status}, ${code}`, 'See the token, and what answers there')
}

/** No fault of what stands between: it is too old, its token ends, the node goes down. */
const endedItself = (of: string, code: string | number) =>
  warn(of, `the gateway ended it itself, with code ${code}`, 'Try again; docs/protocol.md tells the codes')

interface Listened { heard: string, firstMs: number | undefined, heldMs: number, isHeld: boolean }

function judged ({ heard, firstMs, heldMs, isHeld }: Listened): Finding[] {
  const bye = /"IRIS\.BYE".*?"code":(\d+)/.exec(heard)?.[1]
  if (bye !== undefined) return [endedItself('stream', bye)]
  if (firstMs === undefined) {
    return [failed('stream', `nothing had come after ${seconds(heldMs)}: something on the way buffers it`,
      'Let /v1/down/events through at once (nginx: proxy_buffering off)')]
  }
  return [
    ok('stream', `its first events came after ${Math.round(firstMs)} ms`),
    isHeld ? ok('idle stream', `it stayed for ${seconds(heldMs)}`) : failed('idle stream', `it was cut after ${seconds(heldMs)}`, IDLE)
  ]
}

/** @returns whether a poll that waits gets its answer. */
export async function holdPoll ({ url, token, holdMs }: Held): Promise<Finding[]> {
  const poll = async (timeoutMs: number, cursor = '') => await fetch(
    `${url}/v1/down/poll?terminalId=${terminals[1]}&timeoutMs=${timeoutMs}${cursor && `&lastEventId=${cursor}`}`,
    { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(timeoutMs + ROOM_MS) }
  )
  const began = performance.now()
  try {
    const first = await poll(0)
    if (!first.ok) return [await refused('poll', first)]
    const { cursor } = await first.json() as { cursor?: string }
    const { status } = await poll(Math.min(holdMs, MOST_POLL_MS), cursor)
    const waited = seconds(performance.now() - began)
    if (status !== 200) return [failed('poll', `it was answered ${status} after ${waited}`, IDLE)]
    return [ok('poll', `it was answered after ${waited}`)]
  } catch (error) {
    return [failed('poll', `it broke off after ${seconds(performance.now() - began)} (${whyOf(error)})`, IDLE)]
  }
}

/** @returns whether a WebSocket opens, brings its first frame, and stays. */
export async function holdWebSocket ({ url, token, holdMs }: Held): Promise<Finding[]> {
  const { status, code, socket, head } = await askUpgrade({ url, token, terminalId: terminals[2] })
  if (!socket) return [failed('WebSocket', `it is not opened: ${code ?? status}`, 'See the token, and the lines above')]
  const began = performance.now()
  const { heard, ended } = readFrames(socket, head)
  try {
    if (!await Promise.race([heard, ended.then(() => false), delay(FIRST_MS, false, unheld)])) {
      return [failed('WebSocket', 'it opens, and nothing comes', 'See what stands between')]
    }
    const end = await Promise.race([ended, delay(holdMs, 'held' as const, unheld)])
    const heldMs = performance.now() - began
    if (typeof end === 'number') return [endedItself('WebSocket', end)]
    return [end === 'held'
      ? ok('idle WebSocket', `it stayed for ${seconds(heldMs)}`)
      : failed('idle WebSocket', `it was cut after ${seconds(heldMs)}`, IDLE)]
  } finally {
    socket.destroy()
  }
}
