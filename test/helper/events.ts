// The stream of events in tests: `(await follow(iris)).of(bob)` gives what was said of a user so far.
import type { Iris } from './iris.js'
import { until } from './user.js'

/** An event as the server API gives it. */
export interface ServerEvent {
  id: string
  type: string
  userId: string
  n: number
  ts: number
  terminalId?: string
  platform?: string
  node?: string
  reason?: string
  traceId?: string
  [fact: string]: unknown
}

interface Page { items: ServerEvent[], next: string, reset?: boolean, missing?: { after: string, before?: string } }

/** Asks for events, as readers do: again where it may be tried again. */
export async function events ({ server }: Pick<Iris, 'server'>, query = ''): Promise<Page> {
  return await until(async () => {
    const { status, body } = await server('GET', `events${query}`)
    if (status === 200) return body as unknown as Page
    if (body['retryable'] !== true) throw new Error(`events answered ${status}: ${JSON.stringify(body)}`)
    return undefined
  })
}

/** All events from the oldest on, page by page. */
export async function allEvents (iris: Pick<Iris, 'server'>): Promise<ServerEvent[]> {
  const all: ServerEvent[] = []
  for (let after = '0-0'; ;) {
    const { items, next } = await events(iris, `?after=${after}&limit=1000`)
    all.push(...items)
    if (items.length === 0) return all
    after = next
  }
}

/** What is said while something is done, without positions, times and what presence says of where. */
export async function saidBy (iris: Pick<Iris, 'server'>, act: () => Promise<unknown>): Promise<object[]> {
  const { next } = await events(iris)
  await act()
  const { items } = await events(iris, `?after=${next}&limit=1000`)
  return items.map(({ id, ts, traceId, n, node, platform, msgId, ...facts }: ServerEvent) => facts)
}

const isOf = ({ userId }: { userId: string }) => (event: ServerEvent) =>
  event.userId === userId && /^(user\.o|terminal\.)/.test(event.type)
const inShort = ({ type, reason }: ServerEvent) => reason === undefined ? type : `${type} ${reason}`

/** What was said of a user, short: `user.online`, `terminal.disconnected TIMEOUT`. */
export async function saidOf (iris: Pick<Iris, 'server'>, user: { userId: string }): Promise<string[]> {
  return (await eventsOf(iris, user)).map(inShort)
}

/** What presence has said of a user. */
export async function eventsOf (iris: Pick<Iris, 'server'>, user: { userId: string }): Promise<ServerEvent[]> {
  return (await allEvents(iris)).filter(isOf(user))
}

/** Waits until something is said of a user: asks for what is new, since a lease is seconds. @returns all that was said of him then. */
export async function untilSaid (iris: Pick<Iris, 'server'>, user: { userId: string }, said: string): Promise<string[]> {
  const all: string[] = []
  let after = '0-0'
  return await until(async () => {
    const { items, next, reset } = await events(iris, `?after=${after}&limit=1000`)
    if (reset) all.length = 0
    all.push(...items.filter(isOf(user)).map(inShort))
    after = next
    return all.includes(said) ? all : undefined
  })
}
