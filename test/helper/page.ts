// The demo page in a browser, for tests: its two users in verbs.
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import { launchBrowser, noBrowser } from './browser.js'
import { startIris } from './iris.js'

const screenshots = process.env['IRIS_SCREENSHOTS']
const WAIT_MS = 15_000

/** One user's side of the page, in verbs. */
function seatOf (page: Page, user: 'alice' | 'bob') {
  const pane = page.getByTestId(`pane-${user}`)
  const tab = page.getByTestId(`tab-${user}`)
  const show = async () => { if (await tab.isVisible()) await tab.click() }
  const press = async (testId: string) => {
    await show()
    await pane.getByTestId(testId).click()
  }
  const message = (text: string, state = '') => pane.locator(`[data-testid=message]${state && `[data-state=${state}]`}`, { hasText: text })
  return {
    pane,
    tab,
    show,
    press,
    message,
    wire: page.getByTestId(`wire-${user}`),
    unread: pane.getByTestId('unread'),
    typing: pane.getByTestId('typing'),
    caughtUp: pane.getByTestId('caught-up'),
    live: (timeout = WAIT_MS) => page.locator(`[data-testid=pane-${user}][data-connection=live]`).waitFor({ state: 'attached', timeout }),
    signedOut: () => page.locator(`[data-testid=pane-${user}][data-connection=closed]`).waitFor({ state: 'attached' }),
    presence: (online: boolean) => pane.locator(`[data-testid=presence][data-online=${online}]`).waitFor({ state: 'attached' }),
    async travelsBy (transport: string) {
      await show()
      await pane.getByTestId('transport').selectOption(transport)
      await this.live()
    },
    async reads (on: boolean) {
      await show()
      await pane.getByTestId('reading').setChecked(on)
    },
    async writes (text: string) {
      await show()
      await pane.getByTestId('input').fill(text)
    },
    async says (text: string) {
      await this.writes(text)
      await pane.getByTestId('input').press('Enter')
      await message(text).and(pane.locator('[data-seq]')).waitFor()
    },
    async revokes (text: string) {
      await show()
      await message(text).hover()
      await message(text).getByTestId('revoke').click()
    }
  }
}

interface Screen { name: string, width: number, height: number }

export const desk: Screen = { name: 'desk', width: 1280, height: 800 }
export const phone: Screen = { name: 'phone', width: 375, height: 740 }

/** What `visit` shows. */
type Seen = Awaited<ReturnType<typeof visit>>

/** Where scenes are played: `scene` in the one window that all share, since to open one costs most; `open` in one of its own. */
interface Stage {
  t: Test
  iris: Awaited<ReturnType<typeof startIris>>
  scene (name: string, play: (t: Test, seen: Seen) => Promise<void>): Promise<void>
  open (t: Test, more?: { path?: string, prepare?: (page: Page) => Promise<unknown> }): Promise<Seen>
}

/** Plays on each screen, with one browser, and a gateway for each. A scene ends without a complaint from the browser. */
export async function onStage (t: Test, screens: Screen[], play: (stage: Stage) => Promise<void>): Promise<void> {
  if (noBrowser) return void t.plan(0, noBrowser)
  const browser = await launchBrowser()
  for (const screen of screens) {
    await t.test(`on a ${screen.name}, ${screen.width} pixels wide`, async t => {
      const iris = await startIris(t, { demo: true, env: { IRIS_LIMIT_GRACE_SEC: '1' } })
      const open: Stage['open'] = async (t, { path = '', prepare } = {}) =>
        await visit(t, browser, { url: iris.url + path, screen, ...(prepare && { prepare }) })
      const seen = await open(t)
      await seen.alice.live()
      await seen.bob.live()
      const scene: Stage['scene'] = async (name, act) => void await t.test(name, async t => {
        await act(t, seen)
        if (screenshots) await seen.page.screenshot({ path: fileOf(`${screen.name} ${name}`) })
        t.same(seen.complaints.splice(0), [], 'no errors in the console, nothing refused by the Content-Security-Policy')
      })
      await play({ t, iris, scene, open })
    })
  }
}

const fileOf = (name: string) => join(screenshots ?? '', `${name}.png`.replaceAll(/[^\w.-]+/g, '-'))

/** A window of its own on the demo page; whatever the browser complains about fails the test. */
async function visit (
  t: Test, browser: Browser, { url, screen, prepare }: { url: string, screen: Screen, prepare?: (page: Page) => Promise<unknown> }
) {
  const { name, width, height } = screen
  const context = await browser.newContext({ viewport: { width, height } })
  const complaints: string[] = []
  const page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS)
  await prepare?.(page)
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()) })
  page.on('pageerror', error => complaints.push(error.message))
  const response = await page.goto(url)
  t.teardown(async () => {
    if (screenshots) await page.screenshot({ path: fileOf(`${name} ${t.name}`) })
    await context.close()
  })
  return {
    page,
    complaints,
    policy: response?.headers()['content-security-policy'] ?? '',
    alice: seatOf(page, 'alice'),
    bob: seatOf(page, 'bob')
  }
}
