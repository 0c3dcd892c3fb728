// The order of arguments: a script that unpacks them otherwise than its wrapper hands them in would mix up users and bodies.
import { readFileSync } from 'node:fs'
import t from 'tap'
import '../../src/gateway.js'
import { definedScripts } from '../../src/store/script/scripts.js'

/** The text of a script, whose header goes on in lines that are indented. */
const textOf = (name: string) =>
  readFileSync(new URL(`../../src/store/script/lua/${name}.lua`, import.meta.url), 'utf8').replaceAll('\n--   ', ' ')
const header = (name: string, word: string) => new RegExp(`^-- ${word} (.*)$`, 'm').exec(textOf(name))?.[1]?.split(' ') ?? []
/** First words: `downEntries` and `down_entries` are both `down`. */
const firstWords = (names: readonly string[]) => names.map(name => /^[a-z]+/.exec(name)?.[0])

for (const [name, { keys, args, preludes = [] }] of definedScripts) {
  t.test(`[SCRIPTS] ${name}: what it unpacks is what it is handed, a prelude's part first`, async t => {
    const text = textOf(name)
    t.equal(new Set([...keys, ...args]).size, keys.length + args.length, 'no name twice')
    for (const prelude of preludes) {
      t.strictSame(args.slice(0, header(prelude, 'ARGV').length), header(prelude, 'ARGV'), `the arguments of ${prelude}`)
      t.strictSame(keys.slice(0, header(prelude, 'KEYS').length), header(prelude, 'KEYS'), `the keys of ${prelude}`)
    }
    for (const [, locals = '', list, from = '1'] of text.matchAll(/^local (.+) =\s+unpack\((KEYS|ARGV)(?:, (\d+))?\)$/gm)) {
      t.strictSame(
        firstWords(locals.split(', ')), firstWords((list === 'KEYS' ? keys : args).slice(Number(from) - 1)), `${list} from ${from}`
      )
    }
    for (const [, which, at] of text.matchAll(/\b(KEYS|ARGV)\[(\d+)\]/g)) {
      t.ok(Number(at) <= (which === 'KEYS' ? keys : args).length, `${which}[${at}] is handed in`)
    }
    const loop = /(?:\bi = |(?:decide_each|wanted_in)\()(\d+), (?:#ARGV|\w+[,)])/.exec(text)?.[1]
    t.equal(/^-- then /m.test(text), loop !== undefined, 'a list is announced in the header')
    if (loop !== undefined) t.equal(Number(loop), args.length + 1, 'the list begins behind the named arguments')
  })
}
