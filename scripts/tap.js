// Reads what a test file prints: counts its tests, and describes each failure where it stands.
import { existsSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { join } from 'node:path'
import { Parser } from 'tap-parser'
import { root } from './bootstrap.js'

/** How scripts/in-one.js says that a file has ended: as the name of a test that is none. */
export const END = 'end of '
/** How it asks for a file. */
export const NEXT = 'next file'

/**
 * Makes a parser that counts while it reads.
 * @param counts `passed`, `failed` and `skipped`, which go up: tests, not the assertions in these.
 * @param print takes each failure, as text.
 * @param onEnd called with the name of a file whose end is said.
 */
export function createParser (counts, print, onEnd) {
  const parser = new Parser()
  printFailures(parser, print, [])
  parser.on('assert', test => {
    const isEnd = test.name.startsWith(END)
    if (test.skip || test.todo) counts.skipped++
    else if (!test.ok) counts.failed++
    else if (!isEnd) counts.passed++
    if (test.skip) print(`skipped: ${test.name} (${test.skip})`)
    if (isEnd) onEnd(test.name.slice(END.length))
  })
  parser.on('bailout', reason => print(`FAILED bail out: ${reason}`))
  return parser
}

const isFailure = result => !result.ok && !result.skip && !result.todo

/** Prints failed assertions where they stand; a test that failed by one of them only repeats it. */
function printFailures (parser, print, above) {
  let failedBelow = false
  parser.on('child', child => {
    printFailures(child, print, [...above, child.name])
    child.on('assert', result => { failedBelow ||= isFailure(result) })
  })
  parser.on('assert', result => {
    if (isFailure(result) && !failedBelow) print(`FAILED ${[...above, result.name].join(' > ')}\n${describe(result.diag)}`)
    failedBelow = false
  })
}

/** @param diag null when the output ended inside it */
function describe (diag) {
  return Object.entries(diag ?? {})
    .filter(([name]) => !['at', 'tapCaught', 'source', 'stdio', 'externalID', 'args', 'jobId', 'command', 'cwd', 'handles'].includes(name))
    .map(([name, value]) =>
      `    ${name}: ${typeof value === 'string' ? inSources(value).trimEnd().replaceAll('\n', '\n      ') : JSON.stringify(value)}`)
    .join('\n')
}

/** Names the places of a stack in the sources. Node would by itself, but reads the map of every module at every start for that. */
function inSources (stack) {
  return stack.replace(/(?:file:\/\/\S*?)?build\/((?:src|test)\/[^\s:()]+)\.js:(\d+):(\d+)/g, (place, name, line, column) => {
    const file = join(root, `build/${name}.js.map`)
    if (!existsSync(file)) return place // it was written as it is
    const map = new SourceMap(JSON.parse(readFileSync(file, 'utf8')))
    const { lineNumber, columnNumber } = map.findOrigin(Number(line), Number(column))
    return lineNumber === undefined ? place : `${name}.ts:${lineNumber}:${columnNumber}`
  })
}
