// Schedules that lead straight to where a fault of one kind would show: each of them breaks one mutant, and must not break the product.
import { setTimeout as pause } from 'node:timers/promises'
import { injectPoint } from './inject.js'
import type { Node } from './node.js'
import { expectMarks, inject, type Schedule } from './run.js'

const times = async (count: number, act: () => Promise<void>) => { for (let i = 0; i < count; i++) await act() }

/** Hints get lost one by one; the next one shows the hole. */
export const losingHints: Schedule = async stage => {
  for (const { name, points } of [...stage.world.nodes, ...stage.world.nodes]) {
    await inject(stage, {
      name: `a hint to ${name} lost`,
      async inject () {
        const before = points.hintsLost
        points.loseHints(1)
        // a node that has just come back may not listen yet
        for (let i = 0; i < 500 && points.hintsLost === before; i++) await Promise.all([stage.traffic.act('send'), pause(10)])
        await stage.traffic.act('send')
        return points.hintsLost - before
      }
    })
  }
}

/** Commands come, are completed, and the node that knows of it dies. */
export const completing: Schedule = async stage => {
  await times(4, async () => await stage.traffic.act('command'))
  await times(3, async () => await stage.traffic.act('complete'))
  for (const node of stage.world.nodes) await inject(stage, { name: `node ${node.name} killed`, inject: async () => await restarted(node) })
}

async function restarted (node: Node): Promise<number> {
  await node.kill()
  await node.start()
  return 1
}

/** The answer to a send is lost, so it is sent again. */
export const losingAnswers: Schedule = async stage => {
  for (const at of [0, 1]) {
    const facts = { traffic: stage.traffic, script: 'append-message', when: 'after', at, what: 'reset' } as const
    await inject(stage, { name: `node ${at} cut off after append-message`, inject: async world => await injectPoint(world, facts) })
  }
}

/** Messages are revoked that nobody has read. */
export const revoking: Schedule = async ({ traffic }) => {
  await times(3, async () => {
    await traffic.act('send')
    await traffic.act('revoke')
  })
}

/** Redis comes back without what everybody has seen, and goes on. [STORE-1] */
export const losingPower: Schedule = async stage => {
  const { world: { store }, traffic } = stage
  await inject(stage, {
    name: 'power lost, and with it what was not on disk yet',
    isLossy: true,
    async inject () {
      const synced = store.written()
      await expectMarks(stage, await traffic.mark())
      const lost = await store.losePower(synced)
      await store.start()
      return lost
    }
  })
  await times(6, async () => await traffic.act('send'))
}

/** The last hints are lost with the connection that brings them, and nothing comes after them that could show the hole. */
export const losingTheLast: Schedule = async stage => {
  const { world, traffic } = stage
  await traffic.stop()
  const [here, there] = world.nodes as [Node, Node]
  await inject(stage, {
    name: `${there.name} deaf, while the last messages come`,
    async inject () {
      there.store.refuse()
      const listening = there.store.links().filter(link => there.points.isListener(link))
      for (const link of listening) link.reset()
      const marks = await traffic.mark(world.nodes.indexOf(here))
      there.store.heal()
      await expectMarks(stage, marks)
      return listening.length
    }
  })
}

/** All of them, one after the other: the loss first, since it forgives what was before it. */
export const all: Schedule = async stage => {
  for (const schedule of [losingPower, losingHints, completing, losingAnswers, revoking, losingTheLast]) await schedule(stage)
}
