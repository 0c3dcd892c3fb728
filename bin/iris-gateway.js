#!/usr/bin/env node
// The command `iris-gateway`, as npm links it.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const server = new URL('../build/src/server.js', import.meta.url)
if (existsSync(server)) await import(server.href)
else {
  process.stderr.write(`iris-gateway is not built: run \`npm run build\` in ${fileURLToPath(new URL('..', import.meta.url))}\n`)
  process.exitCode = 1
}
