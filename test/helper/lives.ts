// What users and operators see of another life of the store: its epoch, a RESET, the log and the metric. [STORE-1]
import { type Iris, SERVER_KEY } from './iris.js'
import { until, type User } from './user.js'

/** Waits until a node is ready again. */
export const isBack = ({ url }: Iris) => until(async () => (await fetch(`${url}/readyz`)).status === 200 || undefined)
/** What is said of other lives: of each, why it has begun. */
export const saidOf = (lines: string[]) =>
  lines.filter(line => line.includes('another life has begun')).map(line => (JSON.parse(line) as { why: string }).why)
/** How many other lives a node has begun, or heard of, for this reason. */
export async function livesOf ({ url }: Iris, why: string): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()
  return Number(new RegExp(`^iris_lives_total\\{why="${why}"\\} (\\d+)$`, 'm').exec(metrics)?.[1])
}
/** The cursor of a stream of bob's that has seen all that was sent, and is cut. */
export async function seenBy (bob: User, seq: number): Promise<string> {
  const stream = await bob.listen()
  await stream.next(({ data }) => data['seq'] === seq)
  await stream.cut()
  return stream.cursor ?? ''
}

/** How a terminal is answered that comes with a cursor. */
export async function resumed (bob: User, cursor: string): Promise<string> {
  const stream = await bob.listen({ cursor })
  const { data } = await stream.next(({ data }) => data.name === 'IRIS.RESET' || data.name === 'IRIS.READY')
  await stream.cut()
  return data.name === 'IRIS.RESET' ? `reset: ${String(data.data?.['reason'])}` : 'recovered'
}
