// The entry: nothing of Iris is loaded before Node runs as it should.
import { fileURLToPath } from 'node:url'
import { boundYoung } from './young.js'

/** As package.json says. An older one starts, and fails where it is asked for what it does not have. */
const OLDEST = 22
if (parseInt(process.versions.node, 10) < OLDEST) {
  process.stderr.write(`Iris needs Node ${OLDEST} or a later one, this is ${process.versions.node}\n`)
  process.exit(1)
}
const [command = 'start'] = process.argv.slice(2)
// other commands end soon
if (command === 'start') boundYoung(fileURLToPath(import.meta.url))
await import('./cli/main.js')
