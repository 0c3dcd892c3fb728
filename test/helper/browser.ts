// The system's Chromium, for tests of what runs in a browser; without one they are skipped, and say so.
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import t from 'tap'

const executablePath = process.env['IRIS_CHROMIUM'] ?? '/usr/bin/chromium'
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
  '--disable-sync'
]

/** Why tests in a browser are skipped; false when there is one. */
export const noBrowser = !existsSync(executablePath) && `no browser at ${executablePath}: set IRIS_CHROMIUM to a Chromium`

/** @returns a browser that ends with the file. */
export async function launchBrowser (): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(() => browser.close())
  return browser
}
