// Notices to everybody reach those who are connected here, and those who attach; what was taken back is told. [NOTICE-1] [NOTICE-2]
import type { Hub } from '../hub/hub.js'
import { parseCursor } from '../protocol/ids.js'
import type { Login } from '../store/access/kicks.js'
import { outside } from '../store/deadline.js'
import { isFull } from '../store/redis/full.js'
import { isUnavailable } from '../store/redis/redis.js'
import { inSteps } from '../store/redis/steps.js'
import type { Shared } from '../store/user/shared.js'
import type { Deliver } from './deliver.js'

const LOOK_MS = 1_000
/** The trace of a cancellation that a node has found. */
const TRACE = 'everybody'

/** Whether a name says that the notice was taken back. */
const isBack = (name: string) => name.startsWith('!')

async function unlessFull (work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => { if (!isFull(error)) throw error })
}

interface Floor {
  shared: Pick<Shared, 'names' | 'put'>
  hub: Pick<Hub, 'userIds' | 'isHere' | 'hintPosition'>
  deliver: Pick<Deliver, 'cancel'>
  log: { error (facts: object, message: string): void }
}

/** Makes what brings notices to everybody on this node: it looks every second which there are. */
export function createEverybody ({ shared, hub, deliver, log }: Floor) {
  /** Those that there are, as far as it is known here, also such as were taken back; and which all who were connected have had. */
  let known: string[] = []
  let told = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined

  async function put (userId: string, names: string[], login?: Login): Promise<void> {
    const { here, gone } = await shared.put(userId, names, login)
    for (const { id } of here) {
      const position = parseCursor(id)
      if (position) hub.hintPosition(userId, position.epoch, position.seq)
    }
    for (const id of gone) await deliver.cancel('NOTICE_BOX', userId, { id, traceId: TRACE })
  }

  /** A full store takes nothing new; what is taken back frees room, and is told at once. [STORE-2] */
  async function takeBack (userId: string, names: string[]): Promise<void> {
    for (const name of names.filter(isBack)) await deliver.cancel('NOTICE_BOX', userId, { id: name.slice(1), traceId: TRACE })
  }

  /** What is wrong with one user keeps nothing from another. Throws while nobody can be told. */
  async function each (userId: string, work: () => Promise<void>): Promise<void> {
    await work().catch((err: unknown) => {
      if (isUnavailable(err) || isFull(err)) throw err
      log.error({ err, userId }, 'the notices to everybody could not be brought to a user')
    })
  }

  async function tell (names: string[], work: (userId: string, names: string[]) => Promise<void>): Promise<void> {
    if (names.length === 0) return
    await inSteps(hub.userIds(), async userId => { if (hub.isHere(userId)) await each(userId, async () => await work(userId, names)) })
    for (const name of names) told.add(name)
  }

  /** Where it breaks off the next look begins anew: who has been told is not told twice. */
  async function compare (): Promise<void> {
    const names = known = await shared.names()
    const more = names.filter(name => !told.has(name))
    await tell(more.filter(isBack), takeBack)
    await tell(more.filter(name => !isBack(name)), put)
    told = new Set(names)
  }

  /** Looks at once, or when the look that is under way is over. Never rejects. */
  async function look (): Promise<void> {
    await looking
    looking ??= outside(compare).catch((err: unknown) => {
      if (!isUnavailable(err) && !isFull(err)) log.error({ err }, 'the notices to everybody could not be brought')
    }).finally(() => { looking = undefined })
    await looking
  }

  return {
    look,

    /** Who attaches finds what there is; where there is nothing the store is asked nothing. In a full store it is brought another time. */
    async bring (userId: string, login: Login): Promise<void> {
      if (known.length === 0) return
      const brought = each(userId, async () => await put(userId, known, login))
      await unlessFull(brought.catch(async (error: unknown) => {
        if (!isFull(error)) throw error
        await takeBack(userId, known)
      }))
    },

    start (): void { timer = setInterval(() => { if (!looking) void look() }, LOOK_MS) },
    stop (): void { clearInterval(timer) }
  }
}

export type Everybody = ReturnType<typeof createEverybody>
