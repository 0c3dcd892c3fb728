// What is true when all is over: the conversations as each user may read them.
import { type Body, surely } from './ask.js'
import type { Told, Truth } from './record.js'
import { users, type World } from './world.js'

interface Row { conversationId: string, epoch: string, headSeq: number, readSeq: number, unread: number }
type Message = Truth['messages'][number]

/** Reads the list of conversations, and each wholly, as every user. */
export async function findTruth (world: World): Promise<void> {
  await Promise.all(users.map(async userId => {
    const as = await world.token(userId)
    const question = { as, terminalId: 'truth' }
    const list = await surely(world, { began: 0 }, { ...question, method: 'GET', path: '/v1/conversations?limit=100' })
    for (const row of (list?.['items'] ?? []) as unknown as Row[]) {
      world.history.truths.push({ userId, ...row, ...await readAll(row.conversationId) })
    }

    async function readAll (conversationId: string): Promise<Pick<Truth, 'minSeq' | 'messages'>> {
      const messages: Message[] = []
      let minSeq = 1
      for (let fromSeq = 1; ;) {
        const page = await surely(world, { began: 0 }, {
          ...question,
          path: '/v1/up/cmd/get-read-msg',
          body: { conversationId, fromSeq, direction: 'newer', limit: 100, deliver: 'inline' }
        }) as Body
        messages.push(...page['messages'] as Message[])
        minSeq = Number(page['minSeq'])
        if (!page['hasMore']) return { minSeq, messages }
        fromSeq = Number(page['lastSeq']) + 1
      }
    }
  }))
}

/** Reads all that a back end is told. */
export async function findTold (world: World): Promise<void> {
  const told: Told[] = []
  for (let after = '0-0'; ;) {
    const page = await surely(world, { began: 0 }, { method: 'GET', path: `/v1/server/events?limit=1000&after=${after}` }) as Body
    const items = page['items'] as Told[]
    told.push(...items)
    if (items.length === 0) break
    after = String(page['next'])
  }
  world.history.told = told
}
