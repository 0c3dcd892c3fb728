// Requests up, one under way on each lane: as fast as they are answered, or at a rate.

/**
 * For so many seconds, and no more than `count` requests, by so many lanes;
 * `rate` requests per second, whatever the answers, or as fast as the server answers.
 */
export interface Pace { seconds: number, sockets: number, rate?: number | undefined, count?: number | undefined }

/** A command of a user: where to post it, and the JSON of its body. */
export interface Command { path: string, userId: string, body: string }

/** Carries commands up, one at a time: a keep-alive socket, or a place in the WebSockets of the users. */
export interface Lane<C = Command> { send (command: C): void, end (): void }

/** Opens a lane, which calls back with each answer. */
export type OpenLane<C = Command> = (answered: (isDone: boolean) => void) => Promise<Lane<C>>

/**
 * Sends what `make` makes.
 * It ends when `pace.seconds` are over, which may be shortened meanwhile. At a rate, a command that finds every lane busy waits,
 * and its latency counts from when it was due.
 * @returns how many were posted, how many were refused, when the last answer came, and the ms that each answer took.
 */
export async function postAll<C = Command> (open: OpenLane<C>, pace: Pace, make: (n: number) => C) {
  const { sockets, rate, count = Infinity } = pace
  let posted = 0
  let refused = 0
  let busy = 0
  let began = 0
  let finish: () => void
  const finished = new Promise<void>(resolve => { finish = resolve })
  const due: { command: C, at: number }[] = []
  const idle: number[] = []
  const since: number[] = []
  const waits: number[] = []
  const isOver = () => posted >= count || performance.now() - began >= pace.seconds * 1000
  const next = () => ({ command: make(posted), at: performance.now() })

  function go (i: number): void {
    const request = rate !== undefined ? due.shift() : isOver() ? undefined : next()
    if (request === undefined) {
      idle.push(i)
      if (busy === 0 && isOver()) finish()
      return
    }
    busy++
    posted++
    since[i] = request.at
    all[i]?.send(request.command)
  }

  const all = await Promise.all(Array.from({ length: sockets }, (_, i) => open(isDone => {
    busy--
    waits.push(performance.now() - (since[i] ?? 0))
    if (!isDone) refused++
    go(i)
  })))
  began = performance.now()
  if (rate === undefined) for (const i of all.keys()) go(i)
  else keepPace(rate)
  await finished
  const endedAt = performance.now()
  for (const lane of all) lane.end()
  return { posted, refused, endedAt, waits: Float64Array.from(waits) }

  function keepPace (perSecond: number): void {
    idle.push(...all.keys())
    let made = 0
    const timer = setInterval(() => {
      for (const until = Math.min((performance.now() - began) / 1000, pace.seconds) * perSecond; made < until; made++) {
        due.push({ command: make(made), at: performance.now() })
      }
      while (idle.length > 0 && due.length > 0) go(idle.pop() as number)
      if (!isOver()) return
      clearInterval(timer)
      if (busy === 0) finish()
    }, 1)
  }
}
