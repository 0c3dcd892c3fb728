// The demo page over lost answers, reloads and other transports: nothing is lost, nothing comes twice.
import t from 'tap'
import { desk, onStage } from './helper/page.js'

await onStage(t, [desk], async ({ iris, scene }) => {
  await scene('[MSG-2] a send whose answer got lost is sent again, and stored once', async (t, { alice, bob }) => {
    await alice.press('lose-answer')
    await alice.says('only once, please')
    await alice.message('only once, please').getByText('sent 2 times, stored once').waitFor()
    await bob.message('only once, please').waitFor({ state: 'attached' })
    t.equal(await alice.message('only once, please').count(), 1)
    t.equal(await bob.message('only once, please').count(), 1)
  })

  await scene('a message written while cut off is sent after the reconnect, or after a reload', async (t, { page, alice, bob }) => {
    for (const [text, comeBack] of [['patience 1', () => alice.press('reconnect')], ['patience 2', () => page.reload()]] as const) {
      await alice.press('cut')
      await alice.writes(text)
      await alice.press('send')
      await alice.message(text, 'waiting').waitFor()
      await comeBack()
      await bob.message(text).waitFor({ state: 'attached' })
      await alice.show()
      await alice.message(text).and(alice.pane.locator('[data-seq]')).waitFor()
    }
    await bob.message('patience 1').waitFor({ state: 'attached' })
    t.equal(await bob.message('patience').count(), 2)
  })

  await scene('a reload keeps the history, the ticks and the cursor', async (t, { page, alice, bob }) => {
    await alice.says('still here?')
    await bob.show()
    await alice.message('still here?', 'read').waitFor({ state: 'attached' })
    const cursor = await alice.wire.getByTestId('cursor').textContent()
    const resumed = page.waitForRequest(request => request.url().includes(`lastEventId=${cursor}`))
    await page.reload()
    await resumed
    await alice.message('still here?', 'read').waitFor({ state: 'attached' })
    await alice.show()
    await alice.caughtUp.waitFor()
    t.equal(await alice.caughtUp.getAttribute('data-events'), '0')
    t.equal(await alice.caughtUp.locator('strong').textContent(), 'Resumed where it was: nothing to catch up on')
    t.equal(await alice.wire.getByTestId('cursor').textContent(), cursor)
  })

  await scene('[ATTACH-1] a cursor that cannot be served: the page says so and fetches again', async (t, { alice }) => {
    await alice.says('to be fetched')
    await alice.press('spoil-cursor')
    await alice.caughtUp.getByText('could not be resumed, and said so').waitFor()
    await alice.message('to be fetched').waitFor()
    t.equal(await alice.message('to be fetched').count(), 1)
  })

  await scene('[CMD-2] a nudge stays over a reload, until it is completed', async (t, { page, alice, bob }) => {
    await alice.press('nudge')
    await bob.show()
    await bob.pane.getByText('Alice nudged you').waitFor()
    await page.reload()
    await bob.live()
    await bob.show()
    await bob.pane.getByText('Alice nudged you').waitFor()
    await bob.press('command-done')
    await bob.pane.getByText('Alice nudged you').waitFor({ state: 'detached' })
    t.equal(await bob.pane.getByTestId('command').count(), 0)
  })

  await scene('[POLL-2] by long-poll, too, what waits to be completed stays over a reload', async (t, { page, alice, bob }) => {
    await bob.travelsBy('poll')
    await alice.press('nudge')
    await iris.server('POST', 'notices', {
      noticeId: 'n-1', users: ['bob'], title: 'Maintenance', content: { text: 'Tonight at ten' }, needComplete: true
    })
    for (const again of [false, true, true]) { // by a session that goes on: nothing of them is said again
      if (again) await page.reload()
      await bob.live()
      await bob.pane.getByText('Alice nudged you').waitFor()
      await bob.pane.getByText('Tonight at ten').waitFor()
    }
    for (const done of ['command-done', 'notice-done']) {
      await bob.press(done)
      await bob.pane.getByTestId(done).waitFor({ state: 'detached' })
    }
    await page.reload()
    await bob.live()
    t.equal(await bob.pane.locator('[data-testid=command], [data-testid=notice]').count(), 0)
    await bob.travelsBy('sse')
  })

  await scene('[POLL-1] bob hops from transport to transport, and every message comes once', async (t, { alice, bob }) => {
    const texts: string[] = []
    for (const transport of ['websocket', 'poll', 'sse', 'poll', 'websocket']) {
      await bob.travelsBy(transport)
      texts.push(`hop ${texts.length + 1} by ${transport}`)
      await alice.says(String(texts.at(-1)))
      await bob.message(String(texts.at(-1))).waitFor({ state: 'attached' })
    }
    t.same(await bob.message('hop').getByTestId('text').allTextContents(), texts)
    t.equal(await bob.caughtUp.getByText('could not be resumed').count(), 0)
    t.match(await bob.wire.getByTestId('life').textContent(), /^live, \d\d:\d\d:\d\d$/)
  })
})
