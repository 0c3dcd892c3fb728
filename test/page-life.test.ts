// The demo page: who is there, who has to go, and what else a visitor may rely on.
import t from 'tap'
import { desk, onStage } from './helper/page.js'
import { until } from './helper/user.js'

await onStage(t, [desk], async ({ t, iris, scene, open }) => {
  await scene('[SEE-3] [SEE-4] each sees whether the other is there, once they have written to each other', async (t, { alice, bob }) => {
    await alice.presence(false)
    await alice.says('are you there?')
    await bob.presence(true)
    await bob.says('I am')
    await alice.presence(true)
    await bob.press('cut')
    await alice.presence(false)
    t.equal(await bob.pane.getByTestId('presence').textContent(), ' Alice was online', 'who is cut off knows only how it was')
    await bob.press('reconnect')
    await alice.presence(true)
    t.match(await alice.pane.getByTestId('presence').textContent(), 'Bob is online')
  })

  await scene('a hostile text is shown as text, and no token on the wire panel', async (t, { page, alice, bob }) => {
    const hostile = '<img src=x onerror="document.title=1"><b>bold</b>'
    await alice.says(hostile)
    await bob.message(hostile).waitFor({ state: 'attached' })
    await alice.travelsBy('websocket') // it needs a ticket
    t.equal(await page.locator('#desk :is(img, b)').count(), 0)
    t.match(await alice.wire.textContent(), /"ticket":"••••"/)
    t.notMatch(await page.locator('body').textContent(), /eyJ/)
  })

  await scene('each is seen online as soon as the stream is there, not at the next look', async (t, seen) => {
    const others = [seen.alice, seen.bob]
    for (const other of others) await other.press('cut')
    await until(async () => {
      const { body } = await iris.server('POST', 'presence', { users: ['alice', 'bob'] })
      return (body['items'] as unknown as { online: boolean }[]).every(({ online }) => !online) || undefined
    })
    const { page, alice, bob } = await open(t, { prepare: page => page.addInitScript('window.setInterval = () => 0') })
    for (const again of [false, true]) {
      if (again) await page.reload()
      await alice.presence(true)
      await bob.presence(true)
    }
    for (const other of others) await other.press('reconnect')
    for (const other of others) await other.live()
  })

  await scene('[KICK-1] alice kicks her other window: it says so, stays signed out, and may sign in again', async (t, { alice, bob }) => {
    const other = await open(t, { path: '/?user=alice' })
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

  await scene('[READ-3] [SEE-1] a read message is one in another browser, and after a reset', async (t, { alice }) => {
    await alice.says('seen by bob')
    await alice.message('seen by bob', 'read').waitFor()
    await alice.press('spoil-cursor')
    await alice.caughtUp.getByText('could not be resumed').waitFor()
    await alice.message('seen by bob', 'read').waitFor()
    const other = await open(t, { path: '/?user=alice' })
    await other.alice.message('seen by bob', 'read').waitFor()
  })

  await scene('of what waits to be completed the newest two are shown, and how many others there are', async (t, { bob }) => {
    const show = async (noticeId: string) => await iris.server('POST', 'notices', {
      noticeId, users: ['bob'], title: noticeId, content: { text: 'Tonight at ten' }, needComplete: true
    })
    for (const noticeId of ['first', 'second', 'third']) await show(noticeId)
    await bob.pane.getByText('third').waitFor()
    t.same(await bob.pane.getByTestId('notice').locator('strong').allTextContents(), ['second', 'third'])
    t.equal(await bob.pane.getByTestId('more').textContent(), '1 more')
    for (const left of [2, 1, 0]) {
      await bob.pane.getByTestId('notice-done').last().click()
      await until(async () => await bob.pane.getByTestId('notice').count() === left || undefined)
    }
  })

  await t.test('[REVOKE-1] taking back is offered for as long as it is allowed', async t => {
    // its hands are moved here, from the page's first timer on: nobody waits for two minutes
    const { page, alice } = await open(t, { prepare: async page => await page.clock.install() })
    await alice.live()
    await alice.says('for a while')
    await alice.message('for a while').getByTestId('revoke').waitFor({ state: 'attached' })
    await page.context().setOffline(true) // a new stream would say that the server's clock stands still
    await page.clock.runFor(110_000)
    t.equal(await alice.message('for a while').getByTestId('revoke').count(), 1)
    await page.clock.runFor(15_000)
    await alice.message('for a while').getByTestId('revoke').waitFor({ state: 'detached' })
  })

  await t.test('/?user=alice shows alice alone', async t => {
    const { alice, bob, complaints } = await open(t, { path: '/?user=alice' })
    await alice.live()
    t.equal(await bob.pane.count(), 0)
    t.equal(await alice.tab.count(), 0)
    t.same(complaints, [])
  })
})
