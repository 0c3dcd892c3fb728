// The demo page in a real browser, on a desk and on a phone: what a visitor sees of the two promises.
import type { Browser } from 'playwright-core'
import t, { type Test } from 'tap'
import { launchBrowser, noBrowser } from './helper/browser.js'
import { startIris } from './helper/iris.js'
import { type Screen, visit } from './helper/page.js'
import { until } from './helper/user.js'

async function onScreen (t: Test, browser: Browser, screen: Screen) {
  const iris = await startIris(t, { demo: true, env: { IRIS_LIMIT_GRACE_SEC: '1' } })

  /** A test with both users live, which ends without a complaint from the browser. */
  const scene = async (name: string, play: (t: Test, seen: Awaited<ReturnType<typeof visit>>) => Promise<void>): Promise<void> => void await t.test(name, async t => {
    const seen = await visit(t, browser, { url: iris.url, screen })
    await seen.alice.live()
    await seen.bob.live()
    await play(t, seen)
    t.same(seen.complaints, [], 'no errors in the console, nothing refused by the Content-Security-Policy')
  })

  /** What is the same on every screen is played on one. */
  const deskScene: typeof scene = async (name, play) => { if (screen.name === 'desk') await scene(name, play) }

  await scene('the page says the two promises and links to the API, under a strict policy', async (t, { page, policy }) => {
    t.equal(await page.getByTestId('promises').textContent(), 'A send you retry is stored once. A stream you resume misses nothing, or tells you so.')
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

  await scene('[CMD-1] bob sees that alice is typing, until her message is there', async (t, { alice, bob }) => {
    await alice.message('Did it arrive?').waitFor() // before her history is there, the page does not know that they have talked at all
    await alice.writes('wait a mo')
    await bob.typing.getByText('Alice is typing').waitFor({ state: 'attached' })
    await alice.says('wait a moment')
    await bob.typing.getByText('Alice is typing').waitFor({ state: 'detached' })
    t.equal(await bob.message('wait a moment').count(), 1)
  })

  await deskScene('[MSG-2] a send whose answer got lost is sent again, and stored once', async (t, { alice, bob }) => {
    await alice.press('lose-answer')
    await alice.says('only once, please')
    await alice.message('only once, please').getByText('sent 2 times, stored once').waitFor()
    await bob.message('only once, please').waitFor({ state: 'attached' })
    t.equal(await alice.message('only once, please').count(), 1)
    t.equal(await bob.message('only once, please').count(), 1)
  })

  await scene('[ATTACH-3] bob is cut off, alice sends five, and bob catches up all five in order', async (t, { page, alice, bob }) => {
    const texts = ['ahead 1', 'ahead 2', 'ahead 3', 'ahead 4', 'ahead 5']
    await bob.press('cut')
    for (const text of texts) await alice.says(text)
    t.equal(await bob.message('ahead').count(), 0)
    await bob.press('reconnect')
    await bob.caughtUp.waitFor()
    t.equal(await bob.caughtUp.locator('strong').textContent(), 'Caught up 5 events, none lost')
    t.same(await bob.message('ahead').getByTestId('text').allTextContents(), texts)
    t.equal(await page.locator('[data-testid=pane-bob] [data-caught=true]', { hasText: 'ahead' }).count(), 5)
  })

  await deskScene('a message written while cut off is sent after the reconnect, or after a reload', async (t, { page, alice, bob }) => {
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

  await deskScene('a reload keeps the history, the ticks and the cursor', async (t, { page, alice, bob }) => {
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
    t.equal(await alice.caughtUp.locator('strong').textContent(), 'Resumed where it was: nothing to catch up')
    t.equal(await alice.wire.getByTestId('cursor').textContent(), cursor)
  })

  await deskScene('[ATTACH-1] a cursor that cannot be served: the page says so and fetches again', async (t, { alice }) => {
    await alice.says('to be fetched')
    await alice.press('spoil-cursor')
    await alice.caughtUp.getByText('could not be resumed, and said so').waitFor()
    await alice.message('to be fetched').waitFor()
    t.equal(await alice.message('to be fetched').count(), 1)
  })

  await deskScene('[CMD-2] a nudge stays over a reload, until it is completed', async (t, { page, alice, bob }) => {
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

  await deskScene('a hostile text is shown as text, and no token on the wire panel', async (t, { page, alice, bob }) => {
    const hostile = '<img src=x onerror="document.title=1"><b>bold</b>'
    await alice.says(hostile)
    await bob.message(hostile).waitFor({ state: 'attached' })
    t.equal(await page.locator('#desk :is(img, b)').count(), 0)
    t.match(await alice.wire.textContent(), /"ticket":"••••"/)
    t.notMatch(await page.locator('body').textContent(), /eyJ/)
  })

  await deskScene('[POLL-1] bob hops from transport to transport, and every message comes once', async (t, { alice, bob }) => {
    const texts: string[] = []
    for (const transport of ['ws', 'poll', 'sse', 'poll', 'ws']) {
      await bob.travelsBy(transport)
      texts.push(`hop ${texts.length + 1} by ${transport}`)
      await alice.says(String(texts.at(-1)))
      await bob.message(String(texts.at(-1))).waitFor({ state: 'attached' })
    }
    t.same(await bob.message('hop').getByTestId('text').allTextContents(), texts)
    t.equal(await bob.caughtUp.getByText('could not be resumed').count(), 0)
    t.match(await bob.wire.getByTestId('life').textContent(), /^live, \d\d:\d\d:\d\d$/)
  })

  await deskScene('[LIFE-1] each sees whether the other is there', async (t, { alice, bob }) => {
    await alice.presence(true)
    await bob.press('cut')
    await alice.presence(false)
    await bob.press('reconnect')
    await alice.presence(true)
    t.match(await alice.pane.getByTestId('presence').textContent(), 'Bob is online')
  })

  await deskScene('[KICK-1] alice kicks her other window: it says so, stays signed out, and may sign in again', async (t, { alice, bob }) => {
    const other = await visit(t, browser, { url: `${iris.url}/?user=alice`, screen })
    await other.alice.live()
    await alice.press('kick-others')
    await other.alice.signedOut()
    await other.alice.pane.getByText('another window of yours asked for it').first().waitFor()
    await alice.says('still here, and only here')
    await bob.message('still here, and only here').waitFor({ state: 'attached' })
    t.equal(await other.alice.message('still here, and only here').count(), 0)
    t.equal(await alice.pane.getAttribute('data-connection'), 'live')
    await until(async () => { // a login of the second of the kick still counts as before it
      await other.alice.press('reconnect')
      return await other.alice.live(1_000).then(() => true, () => undefined)
    })
    await other.alice.message('still here, and only here').waitFor({ state: 'attached' })
  })

  await deskScene('[REVOKE-1] taking back is offered for as long as it is allowed', async (t, { page, alice }) => {
    await page.clock.install() // its hands are moved here: nobody waits for two minutes
    await alice.says('for a while')
    await alice.message('for a while').getByTestId('revoke').waitFor({ state: 'attached' })
    await page.clock.runFor(110_000)
    t.equal(await alice.message('for a while').getByTestId('revoke').count(), 1)
    await page.clock.runFor(15_000)
    await alice.message('for a while').getByTestId('revoke').waitFor({ state: 'detached' })
  })

  await t.test('nothing in the head of a pane runs into another thing, whatever is said there', async t => {
    const { page, alice, bob } = await visit(t, browser, { url: iris.url, screen })
    await alice.live()
    await bob.live()
    for (const transport of ['ws', 'sse', 'poll']) {
      await bob.travelsBy(transport)
      await bob.press('cut')
      await alice.press('send-five')
      await alice.message('five', 'stored').last().waitFor()
      await bob.press('reconnect')
      await bob.pane.getByText(/^Live, caught up \d+$/).waitFor()
      const [words, way, plug] = await Promise.all(['.words', '.transport', '.plug'].map(part => bob.pane.locator(`.who ${part}`).boundingBox()))
      t.ok(words && way && plug && words.x + words.width <= way.x && way.x + way.width <= plug.x, transport)
    }
    t.ok(await page.locator('html').evaluate(({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth), 'nothing is wider than the screen')
  })

  await t.test('each is seen online as soon as the stream is there, not at the next look', async t => {
    const { page, alice, bob } = await visit(t, browser, { url: iris.url, screen, prepare: page => page.addInitScript('window.setInterval = () => 0') })
    await alice.presence(true)
    await bob.presence(true)
    await page.reload()
    await alice.presence(true)
    await bob.presence(true)
  })

  await t.test('/?user=alice shows alice alone', async t => {
    const { alice, bob, complaints } = await visit(t, browser, { url: `${iris.url}/?user=alice`, screen })
    await alice.live()
    t.equal(await bob.pane.count(), 0)
    t.equal(await alice.tab.count(), 0)
    t.same(complaints, [])
  })
}

if (noBrowser) {
  t.plan(0, noBrowser)
} else {
  const browser = await launchBrowser()
  t.jobs = 2 // the scenes mostly wait
  for (const screen of [{ name: 'desk', width: 1280, height: 800 }, { name: 'phone', width: 375, height: 740 }]) {
    void t.test(`on a ${screen.name}, ${screen.width} pixels wide`, t => onScreen(t, browser, screen))
  }
}
