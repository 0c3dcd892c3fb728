// Posts over keep-alive sockets, one request under way on each: as fast as they are answered, or at a rate.
import { connect } from 'node:net'

/** `rate` requests per second, whatever the answers; without it as fast as the server answers. */
export interface Pace { seconds: number, sockets: number, rate?: number | undefined }

/** One buffer for all sockets: a read is scanned before the next one begins. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024)

/** Opens a socket that sends requests and calls back with each answer's status. */
function openSocket (port: number, answered: (status: string) => void): Promise<{ send (request: string): void, end (): void }> {
  return new Promise((resolve, reject) => {
    let text = ''
    function scan (length: number): boolean {
      text += buffer.toString('latin1', 0, length)
      const head = text.indexOf('\r\n\r\n')
      if (head < 0) return true
      const body = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
      if (text.length < head + 4 + body) return true
      const status = text.slice(9, 12)
      if (status !== '200') process.stderr.write(`refused: ${text.slice(head + 4)}\n`)
      text = ''
      answered(status)
      return true
    }
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, onread: { buffer, callback: scan } })
    socket.on('error', reject)
    socket.on('connect', () => resolve({ send: request => { socket.write(request, 'latin1') }, end: () => { socket.destroy() } }))
  })
}

/**
 * Posts what `make` makes.
 * At a rate, a request that finds every socket busy waits, and its latency counts from when it was due.
 * @returns how many were posted, how many were not answered by 200, and when the last answer came.
 */
export async function postAll (port: number, { seconds, sockets, rate }: Pace, make: (n: number) => string) {
  let posted = 0
  let refused = 0
  let busy = 0
  let began = 0
  let finish: () => void
  const finished = new Promise<void>(resolve => { finish = resolve })
  const due: string[] = []
  const idle: number[] = []
  const isOver = () => performance.now() - began >= seconds * 1000

  function go (i: number): void {
    const request = rate !== undefined ? due.shift() : isOver() ? undefined : make(posted)
    if (request === undefined) {
      idle.push(i)
      if (busy === 0 && isOver()) finish()
      return
    }
    busy++
    posted++
    all[i]?.send(request)
  }

  const all = await Promise.all(Array.from({ length: sockets }, (_, i) => openSocket(port, status => {
    busy--
    if (status !== '200') refused++
    go(i)
  })))
  began = performance.now()
  if (rate === undefined) for (const i of all.keys()) go(i)
  else pace(rate)
  await finished
  const endedAt = performance.now()
  for (const socket of all) socket.end()
  return { posted, refused, endedAt }

  function pace (perSecond: number): void {
    idle.push(...all.keys())
    let made = 0
    const timer = setInterval(() => {
      for (const until = Math.min((performance.now() - began) / 1000, seconds) * perSecond; made < until; made++) due.push(make(made))
      while (idle.length > 0 && due.length > 0) go(idle.pop() as number)
      if (!isOver()) return
      clearInterval(timer)
      if (busy === 0) finish()
    }, 1)
  }
}
