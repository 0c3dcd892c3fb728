// The demo page in a real browser, on a desk and on a phone: what a visitor sees of a conversation, and of a stream that is resumed.
import t from 'tap'
import { desk, onStage, phone } from './helper/page.js'

await onStage(t, [desk, phone], async ({ scene }) => {
  await scene('the page says the two promises and links to the API, under a strict policy', async (t, { page, policy }) => {
    t.equal(await page.getByTestId('promises').textContent(), 'A send you retry is stored once. ' +
      'A stream you resume misses nothing, or tells you so.')
    t.equal(await page.getByTestId('docs').getAttribute('href'), '/docs')
    t.match(policy, /default-src 'self'/)
    t.notMatch(policy, /script-src[^;]*unsafe|style-src[^;]*unsafe/)
  })

  await scene('[READ-3] bob has an unread message, reads it, and alice sees the second tick', async (t, { alice, bob }) => {
    await bob.reads(false)
    await alice.says('Did it arrive?')
    await alice.message('Did it arrive?', 'stored').waitFor()
    await bob.message('Did it arrive?').waitFor({ state: 'attached' })
    await bob.show()
    t.equal(await bob.unread.textContent(), '1')
    await bob.reads(true)
    await bob.unread.waitFor({ state: 'detached' })
    await alice.message('Did it arrive?', 'read').waitFor({ state: 'attached' })
  })

  await scene('[REVOKE-4] a message that is taken back becomes a tombstone on both sides', async (t, { alice, bob }) => {
    await alice.says('meant for somebody else')
    await bob.message('meant for somebody else').waitFor({ state: 'attached' })
    await alice.revokes('meant for somebody else')
    await alice.message('You took this message back').last().waitFor()
    await bob.show()
    await bob.message('Alice took this message back').last().waitFor()
    t.equal(await bob.message('meant for somebody else').count(), 0)
  })

  await scene('[CMD-1] alice sees that bob is typing, until his message is there', async (t, { alice, bob }) => {
    await bob.writes('wait a mo')
    await alice.typing.getByText('Bob is typing').waitFor({ state: 'attached' })
    await bob.says('wait a moment')
    await alice.typing.getByText('Bob is typing').waitFor({ state: 'detached' })
    t.equal(await alice.message('wait a moment').count(), 1)
  })

  await scene('[ATTACH-3] bob is cut off, alice sends five, and bob catches up all five in order', async (t, { page, alice, bob }) => {
    const texts = ['ahead 1', 'ahead 2', 'ahead 3', 'ahead 4', 'ahead 5']
    await alice.show()
    await bob.message('wait a moment', 'read').waitFor({ state: 'attached' }) // else the receipt is one more
    await bob.press('cut')
    for (const text of texts) await alice.says(text)
    t.equal(await bob.message('ahead').count(), 0)
    await bob.press('reconnect')
    await bob.caughtUp.waitFor()
    t.equal(await bob.caughtUp.locator('strong').textContent(), 'Caught up 5 events, none lost')
    t.same(await bob.message('ahead').getByTestId('text').allTextContents(), texts)
    t.equal(await page.locator('[data-testid=pane-bob] [data-caught=true]', { hasText: 'ahead' }).count(), 5)
  })

  await scene('nothing in the head of a pane runs into another thing, whatever is said there', async (t, { page, alice, bob }) => {
    for (const transport of ['websocket', 'sse', 'poll']) {
      await bob.travelsBy(transport)
      await bob.press('cut')
      await alice.press('send-five')
      await alice.message('five', 'stored').last().waitFor()
      await bob.press('reconnect')
      await bob.pane.getByText(/^Live, caught up \d+$/).waitFor()
      const [words, way, plug] = await Promise.all(['.words', '.transport', '.plug']
        .map(part => bob.pane.locator(`.who ${part}`).boundingBox()))
      t.ok(words && way && plug && words.x + words.width <= way.x && way.x + way.width <= plug.x, transport)
    }
    t.ok(
      await page.locator('html').evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth), 'nothing is wider than the screen'
    )
  })
})
