// Many users with a stream each, as cheap as can be: a raw socket and the few lines of its text that matter.
// HTTP/1.0, so that the frames are not chunked. They come back by themselves, as docs/clients.md asks.
import { connect, type Socket } from 'node:net'
import { SignJWT } from 'jose'
import { SECRET } from './iris.js'

const CONNECTING = 50

/** @returns a user's token, made without a request. */
export async function tokenOf (userId: string): Promise<string> {
  return await new SignJWT({ sub: userId })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(SECRET))
}

/** What matters of an event's data. */
interface Line { name?: string, seq?: number, from?: string, noticeId?: string, data?: { code?: number, retryAfterMs?: number } }

/** One of the crowd: where he stands, and what has come. */
class Member {
  cursor = ''
  /** The `seq` of each message, in the order in which they came. */
  readonly seqs: number[] = []
  /** The id of each notice, likewise. */
  readonly notices: string[] = []
  /** The code of each goodbye. */
  readonly byes: number[] = []
  resets = 0
  attaches = 0
  isLive = false
  readonly #address: { host: string, port: number }
  readonly #token: string
  #onLive: (() => void)[] = []
  #socket: Socket | undefined
  #retry: NodeJS.Timeout | undefined
  #failures = 0
  #pauseMs: number | undefined
  #isGone = false

  constructor (url: string, token: string) {
    const { hostname, port } = new URL(url)
    this.#address = { host: hostname, port: Number(port) }
    this.#token = token
  }

  /** Connects, at the cursor when there is one, and again after each end until `leave()`. */
  connect (): void {
    const resume = this.cursor === '' ? '' : `Last-Event-ID: ${this.cursor}\r\n`
    let rest = ''
    this.#socket = connect(this.#address).setEncoding('utf8')
      .on('data', chunk => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) this.#read(line)
      })
      .on('error', () => undefined)
      .on('close', () => this.#lost())
    this.#socket.write('GET /v1/down/events HTTP/1.0\r\nHost: ' +
      `${this.#address.host}\r\nAuthorization: Bearer ${this.#token}\r\n${resume}\r\n`)
  }

  /** Resolves when the stream is live, now or later. */
  async live (): Promise<void> {
    if (!this.isLive) await new Promise<void>(resolve => this.#onLive.push(resolve))
  }

  leave (): void {
    this.#isGone = true
    clearTimeout(this.#retry)
    this.#socket?.destroy()
  }

  #read (line: string): void {
    if (line.startsWith('id: ')) this.cursor = line.slice(4)
    if (!line.startsWith('data: ')) return
    const { name, seq, from, noticeId, data } = JSON.parse(line.slice(6)) as Line
    if (seq !== undefined && from !== undefined) this.seqs.push(seq)
    if (noticeId !== undefined) this.notices.push(noticeId)
    if (name === 'IRIS.RESET') this.resets++
    if (name === 'IRIS.BYE') {
      this.byes.push(Number(data?.code))
      this.#pauseMs = data?.retryAfterMs
    }
    if (name !== 'IRIS.READY') return
    this.#failures = 0
    this.attaches++
    this.isLive = true
    for (const tell of this.#onLive.splice(0)) tell()
  }

  #lost (): void {
    this.isLive = false
    if (this.#isGone) return
    const pause = this.#pauseMs ?? Math.random() * Math.min(30_000, 1000 * 2 ** this.#failures++)
    this.#pauseMs = undefined
    this.#retry = setTimeout(() => this.connect(), pause)
  }
}

/**
 * Opens a stream for each user, some at a time.
 * @param url of the node.
 * @returns the members, in the order of the users, when all are live; they come back by themselves until `leave()`.
 */
export async function openCrowd (url: string, userIds: string[]): Promise<Member[]> {
  const members = await Promise.all(userIds.map(async userId => new Member(url, await tokenOf(userId))))
  const waiting = [...members]
  const worker = async () => {
    for (let member = waiting.shift(); member; member = waiting.shift()) {
      member.connect()
      await member.live()
    }
  }
  await Promise.all(Array.from({ length: CONNECTING }, worker))
  return members
}
