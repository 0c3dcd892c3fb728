// JSON as it was meant, or not at all: what would be changed on its way through a parser is refused. [TEXT-1]
import { isUtf8 } from 'node:buffer'
import { scan } from 'secure-json-parse'
import { type FieldError, Problem } from '../protocol/problem.js'
import { pointerPart } from './validate.js'

/** Deeper than any operation's body may be: the schemas refuse it. */
const MAX_DEPTH = 64
/** So many broken rules are named. */
const MAX_ERRORS = 10

/** What stands in every text that could name a prototype; names may be written with escapes. */
const suspect = /prototype|__proto__|\\u/
const PROTOTYPE = 'is a name that reaches for a prototype'

const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\]:,]|[a-z]+/g

/** White space, and strings, so that theirs is passed by. */
const spaces = /("[^"\\]*(?:\\.[^"\\]*)*")|\s+/g

/**
 * Reads JSON in UTF-8. A byte order mark before it is no part of it (RFC 8259, 8.1).
 * @returns the value, and what of the text it would not give back: numbers that a double cannot hold as they are written, and
 *   names that stand twice in an object, or reach for a prototype: where there are any, the value is not to be used.
 *   Throws INVALID_JSON.
 */
export function readJson (bytes: Buffer): { value: unknown, broken: FieldError[] } {
  if (!isUtf8(bytes)) throw new Problem('INVALID_JSON', { detail: 'The body is not UTF-8' })
  const text = bytes.toString().replace(/^\ufeff/, '')
  const value = parsed(text)
  const reaches = reachesForPrototype(text, value)
  if (!reaches && isKept(text, value)) return { value, broken: [] }
  const broken = changes(text)
  return { value, broken: reaches && broken.length === 0 ? [{ pointer: '', detail: PROTOTYPE }] : broken }
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Problem('INVALID_JSON')
  }
}

function reachesForPrototype (text: string, value: unknown): boolean {
  return suspect.test(text) && typeof value === 'object' && value !== null && scan(value, { safe: true }) === null
}

/** The quick way, and that of almost every body: what prints as the same text again, but for white space, has lost nothing. */
function isKept (text: string, value: unknown): boolean {
  try {
    const printed = JSON.stringify(value)
    return printed === text || (printed.length < text.length && printed === text.replace(spaces, '$1'))
  } catch {
    return false // too deep for the printer
  }
}

/** An object or array that is being read: `part` is where in it. */
interface Frame { names?: Set<string>, part: string, index: number }

/** Walks through text that is known to be JSON. */
function changes (text: string): FieldError[] {
  const broken: FieldError[] = []
  const frames: Frame[] = []
  let isName = false

  function blame (detail: string): void {
    broken.push({ pointer: frames.map(({ part }) => part).join(''), detail })
  }

  function name (source: string, frame: Frame): void {
    const text = JSON.parse(source) as string
    frame.part = pointerPart(text)
    if (frame.names?.has(text)) blame('stands twice in its object')
    else if (text === '__proto__' || (text === 'prototype' && frames.at(-2)?.names && frames.at(-2)?.part === '/constructor')) {
      blame(PROTOTYPE)
    }
    frame.names?.add(text)
  }

  for (const [token] of text.matchAll(tokens)) {
    const frame = frames.at(-1)
    const mark = token[0] as string
    if (mark === '{' || mark === '[') {
      if (frames.length === MAX_DEPTH) break
      frames.push(mark === '{' ? { names: new Set(), part: '', index: 0 } : { part: '/0', index: 0 })
      isName = mark === '{'
    } else if (mark === '}' || mark === ']') frames.pop()
    else if (mark === ',' && frame) {
      isName = frame.names !== undefined
      if (!isName) frame.part = `/${++frame.index}`
    } else if (mark === ':') isName = false
    else if (mark === '"' && isName && frame) name(token, frame)
    else if (/[-\d]/.test(mark) && !isExact(token)) blame('is a number that would be changed: send it as a string')
    if (broken.length === MAX_ERRORS) break
  }
  return broken
}

/** Whether a double prints as the same decimal value again: `1.0` and `1e2` do, `1915883588174806058` and `1e400` do not. */
function isExact (text: string): boolean {
  // a double holds 15 digits; only exponents of three leave its range
  if (text.length <= 15 && !/[eE][+-]?\d{3}/.test(text)) return true
  return canonical(text) === canonical(String(Number(text)))
}

/** @returns sign, digits without zeros at their ends, and exponent: the same for all spellings of a value, whose zero has no sign. */
function canonical (text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = (whole + fraction).replace(/^0+/, '')
  let end = digits.length
  while (digits[end - 1] === '0') end--
  if (end === 0) return whole === '' ? text : '0'
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`
}
