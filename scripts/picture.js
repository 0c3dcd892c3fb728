// node scripts/picture.js: takes the picture of the README, docs/demo.webp: the demo page of a fresh Iris, in the system's Chromium.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuild, ensureModules, ensureNode, fail, root, say } from './bootstrap.js'
import { ensureChromium, ensureRedisServer } from './programs.js'
import { addressOf } from './try.js'

await ensureNode()
ensureModules()
ensureRedisServer()
ensureChromium()
if (!process.env.IRIS_CHROMIUM) fail('a picture needs a browser')
ensureBuild()
const { chromium } = await import('playwright-core')

const viewport = { width: 1280, height: 720 }
const dataDir = mkdtempSync(join(tmpdir(), 'iris-picture-'))
process.on('exit', () => rmSync(dataDir, { recursive: true, force: true }))
const iris = spawn(process.execPath, [join(root, 'build/src/server.js')], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { PATH: process.env.PATH, IRIS_PORT: '0', IRIS_DATA_DIR: dataDir }
})
const ended = once(iris, 'exit')
try {
  const browser = await chromium.launch({ executablePath: process.env.IRIS_CHROMIUM, args: ['--no-sandbox'] })
  try {
    await take(browser)
  } finally {
    await browser.close()
  }
} finally {
  iris.kill('SIGTERM')
  await ended
}

async function take (browser) {
  const context = await browser.newContext({ viewport, deviceScaleFactor: 1.5 })
  const page = await context.newPage()
  await page.goto(await addressOf(iris))
  await play(page)
  const picture = await webpOf(await context.newPage(), await page.screenshot())
  writeFileSync(join(root, 'docs/demo.webp'), picture)
  say(`docs/demo.webp: ${Math.round(picture.length / 1024)} KiB`)
}

/** What the picture tells: a chat, a message that was taken back, three that came while one side was cut off, and one
 * whose answer was lost: it was sent again, and stored once. */
async function play (page) {
  const pane = user => page.getByTestId(`pane-${user}`)
  const isLive = user => page.locator(`[data-testid=pane-${user}][data-connection=live]`).waitFor()
  const sees = (user, text) => pane(user).locator('[data-testid=message]', { hasText: text }).last().waitFor()
  const says = async (user, text) => {
    await pane(user).getByTestId('input').fill(text)
    await pane(user).getByTestId('input').press('Enter')
    await pane(user).locator('[data-testid=message][data-seq]', { hasText: text }).waitFor()
  }
  await isLive('alice')
  await isLive('bob')
  await says('alice', 'Are you on the train?')
  await sees('bob', 'on the train')
  await says('bob', 'Yes. There is a tunnel ahead')
  await sees('alice', 'a tunnel ahead')
  await says('alice', 'The door code is 4711')
  await sees('bob', '4711')
  const wrong = pane('alice').locator('[data-testid=message]', { hasText: '4711' })
  await wrong.hover()
  await wrong.getByTestId('revoke').click()
  await pane('bob').getByText('Alice took this message back').waitFor()
  await pane('bob').getByTestId('cut').click()
  await says('alice', 'You are gone')
  await pane('alice').getByTestId('lose-answer').click()
  await says('alice', 'I send all the same')
  await pane('alice').getByText('sent 2 times, stored once').waitFor()
  await isLive('alice')
  await says('alice', 'See you at nine')
  await pane('bob').getByTestId('reconnect').click()
  await pane('bob').getByTestId('caught-up').waitFor()
  await page.locator('[data-testid=pane-alice] [data-testid=message][data-state=read]', { hasText: 'nine' }).waitFor()
  await page.mouse.move(0, 0)
}

/** The browser encodes what it has shown: WebP is a third of PNG. */
async function webpOf (blank, png) {
  const url = await blank.evaluate(async source => {
    const image = document.createElement('img')
    image.src = source
    await image.decode()
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height })
    canvas.getContext('2d').drawImage(image, 0, 0)
    return canvas.toDataURL('image/webp', 0.8)
  }, `data:image/png;base64,${png.toString('base64')}`)
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
}
