// What of who came and went was not heard is looked for, whenever the subscription is lost. [SEE-4]
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createPresence } from '../src/fanout/presence.js'
import type { Held } from '../src/hub/waking.js'
import { Problem } from '../src/protocol/problem.js'

const watcher = { userId: 'alice' } as Held

/** A node on which alice watches bob; `answers`: what is done when the store is asked for him, time after time. */
function listenWith (answers: (() => void)[]) {
  const asked: number[] = []
  const presence = createPresence({
    hub: { print: () => true, watchersOf: () => [watcher], watchesOf: () => [], watchedUsers: () => ['bob'] },
    sight: {
      maySee: async some => some.map(() => true), areAcquainted: async some => some.map(() => true), membersAmong: async () => []
    },
    online: {
      async of (users) {
        answers[asked.push(users.length) - 1]?.()
        await new Promise(setImmediate)
        return []
      }
    },
    now: Date.now,
    log: { error: (facts, message) => t.fail(message, facts) }
  })
  return { asked, presence }
}

const turns = async () => { for (let i = 0; i < 5; i++) await new Promise(setImmediate) }

t.test('[SEE-4] one that is lost again while it is looked for what it did not hear looks once more', async t => {
  const { asked, presence } = listenWith([() => presence.lost()])
  presence.heard()
  await turns()
  t.same(asked, [], 'nothing was lost yet')
  presence.lost()
  presence.heard()
  await turns()
  t.equal(asked.length, 1)
  presence.heard()
  await turns()
  t.equal(asked.length, 2)
})

t.test('[SEE-4] one that is lost while the store does not answer looks when it is heard, not before', async t => {
  const { asked, presence } = listenWith([() => {
    presence.lost()
    throw new Problem('STORE_UNAVAILABLE')
  }])
  presence.lost()
  presence.heard()
  await delay(1_200) // longer than it waits for the store
  t.equal(asked.length, 1)
  presence.heard()
  await turns()
  t.equal(asked.length, 2)
})
