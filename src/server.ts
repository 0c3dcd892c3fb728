// The entry: nothing of Iris is loaded before Node runs as it should.
import { fileURLToPath } from 'node:url'
import { boundYoung } from './young.js'

boundYoung(fileURLToPath(import.meta.url))
await import('./process.js')
