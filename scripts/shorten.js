// Gives the names of a minified module that nobody else has new ones, so that it is small once it is compressed: what stands in like
// places is called alike, and a property like the variable that holds it, so that `{a:a}` is `{a}`.
import { gzipSync } from 'node:zlib'

const LETTERS = 'etnroascidulwfhmyvgbpISOTkAMRDNECLPFxWjqHYJGUBKzXZQV_$'.split('')
const PAIRS = LETTERS.slice(0, 20).flatMap(first => LETTERS.slice(0, 20).map(second => first + second))
/** How much text around a name says where it stands, and how long a piece of that is. */
const [AROUND, PIECES] = [8, [4, 5, 6, 8]]
/** What a name is worth that a property and its variable share; by trial. */
const SHARED = 50
const PASSES = 5
/** So many exchanges of two letters are tried at last, and those kept that make it smaller. */
const TRIES = 1500

/** Of the properties those are renamed that are written so. */
export const MARKED = /_\$(\w+?)\$_/g

/** @returns the variables of a module: where each is declared, and stands. */
function variablesOf (ts, source, checker) {
  const found = new Map()
  function note (symbol, node, isShort) {
    const [declaration] = symbol?.declarations ?? []
    const isOne = declaration && [ts.isVariableDeclaration, ts.isParameter, ts.isBindingElement, ts.isFunctionDeclaration,
      ts.isFunctionExpression, ts.isClassDeclaration, ts.isClassExpression].some(is => is(declaration))
    if (!isOne) return
    if (!found.has(symbol)) found.set(symbol, { name: symbol.name, declaration, scope: scopeOf(ts, declaration), uses: [] })
    found.get(symbol).uses.push({ pos: node.getStart(source), end: node.end, before: isShort ? `${symbol.name}:` : '' })
  }
  function visit (node) {
    const { parent } = node
    if (ts.isIdentifier(node)) {
      if (ts.isShorthandPropertyAssignment(parent)) note(checker.getShorthandAssignmentValueSymbol(parent), node, true)
      else if (ts.isExportSpecifier(parent)) {
        if (node === parent.propertyName) note(checker.getExportSpecifierLocalTargetSymbol(parent), node)
      } else if (parent.name !== node || !(ts.isPropertyAccessExpression(parent) || ts.isObjectLiteralElement(parent))) {
        if (parent.propertyName !== node) {
          const isShort = ts.isBindingElement(parent) && parent.name === node && !parent.propertyName && !parent.dotDotDotToken
          note(checker.getSymbolAtLocation(node), node, isShort && ts.isObjectBindingPattern(parent.parent))
        }
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...found.values()]
}

function scopeOf (ts, declaration) {
  let node = declaration
  while (ts.isBindingElement(node) || ts.isBindingName(node)) node = node.parent
  if (ts.isFunctionExpression(node) || ts.isClassExpression(node)) return node
  const isOfFunction = ts.isVariableDeclaration(node) && !ts.isCatchClause(node.parent) && !(node.parent.flags & ts.NodeFlags.BlockScoped)
  for (node = node.parent; ; node = node.parent) {
    if (ts.isSourceFile(node) || ts.isFunctionLike(node)) return node
    const isBlock = ts.isIterationStatement(node, false) || ts.isCatchClause(node) || ts.isBlock(node)
    if (isBlock && !isOfFunction && !ts.isFunctionLike(node.parent)) return node
  }
}

/** Whether two variables must not have one name: one is used where the other is. */
function areRivals (one, other) {
  if (one.scope === other.scope) return true
  const { scope } = other
  if (one.scope.pos > scope.pos || one.scope.end < scope.end) return false
  // the name of a function stands outside of its scope
  return one.uses.some(({ pos, end }) => pos >= scope.pos && end <= scope.end && !(one.declaration === scope && scope.name?.end === end))
}

function rivalsOf (variables, count) {
  const rivals = Array.from({ length: count }, () => new Set())
  for (const [i, one] of variables.entries()) {
    for (const [j, other] of variables.entries()) if (i !== j && areRivals(one, other)) rivals[i].add(j) && rivals[j].add(i)
  }
  // properties are one space of names
  for (let i = variables.length; i < count; i++) for (let j = variables.length; j < count; j++) if (i !== j) rivals[i].add(j)
  return rivals
}

/** Takes a module apart: texts, numbers of names, and `[property, variable]` for a colon that falls away between names that are equal. */
function partsOf (code, variables) {
  const uses = variables.flatMap((variable, id) => variable.uses.map(use => ({ ...use, id })))
  const properties = new Map()
  for (const { index, 0: { length }, 1: name } of code.matchAll(MARKED)) {
    if (!properties.has(name)) properties.set(name, variables.length + properties.size)
    uses.push({ pos: index, end: index + length, before: '', id: properties.get(name) })
  }
  const parts = []
  let [at, last] = [0, -1]
  for (const { pos, end, before, id } of uses.sort((one, other) => one.pos - other.pos)) {
    const text = code.slice(at, pos) + before
    // alone it stands: `{a:b}`, not `{a:b.c}` or `a?b:c`
    const isPair = last >= variables.length && id < variables.length && text === ':' && /[{,]$/.test(parts.at(-2)) && /[,}]/.test(code[end])
    parts.push(isPair ? [last, id] : text, id)
    ;[at, last] = [end, id]
  }
  return { parts: [...parts, code.slice(at)], count: variables.length + properties.size }
}

/** @returns the module, its names put in. */
function join (parts, names) {
  let isShared = false
  return parts.map(part => {
    if (typeof part === 'string') return part
    if (typeof part !== 'number') {
      isShared = names[part[0]] === names[part[1]]
      return isShared ? '' : ':'
    }
    const name = isShared ? '' : names[part]
    isShared = false
    return name
  }).join('')
}

/** Pieces of text, and how often each is there. */
function createTally (text) {
  const counts = new Map()
  const add = (piece, n) => counts.set(piece, (counts.get(piece) ?? 0) + n)
  for (const length of PIECES) for (let i = 0; i + length <= text.length; i++) add(text.slice(i, i + length), 1)
  function piecesOf (places, name) {
    const pieces = []
    for (const [before, after] of places) {
      const text = before + name + after
      for (const length of PIECES) {
        const first = Math.max(0, before.length - length + 1)
        for (let i = first; i <= before.length && i + length <= text.length; i++) pieces.push(text.slice(i, i + length))
      }
    }
    return pieces
  }
  return {
    put: (places, name, n) => { for (const piece of piecesOf(places, name)) add(piece, n) },
    /** How much of what a name would be part of is there already, bits. */
    likeness: (places, name) => piecesOf(places, name).reduce((sum, piece) => sum + Math.log2(1 + Math.max(0, counts.get(piece) ?? 0)), 0)
  }
}

/** @returns the text before and after a place. */
function around (parts, names, place) {
  const text = i => typeof parts[i] === 'string' ? parts[i] : typeof parts[i] === 'number' ? names[parts[i]] : ':'
  let [before, after] = ['', '']
  for (let i = place - 1; i >= 0 && before.length < AROUND; i--) before = text(i) + before
  for (let i = place + 1; i < parts.length && after.length < AROUND; i++) after += text(i)
  return [before.slice(-AROUND), after.slice(0, AROUND)]
}

/**
 * Renames variables, and the properties that are MARKED. The same module comes out the same.
 * @param ts the compiler
 */
export function shorten (ts, code) {
  const source = ts.createSourceFile('/module.js', code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS)
  const options = { allowJs: true, noLib: true, noResolve: true, target: ts.ScriptTarget.Latest, types: [] }
  const host = { ...ts.createCompilerHost(options), getSourceFile: name => name === source.fileName ? source : undefined }
  const variables = variablesOf(ts, source, ts.createProgram([source.fileName], options, host).getTypeChecker())
  const { parts, count } = partsOf(code, variables)
  const rivals = rivalsOf(variables, count)
  const places = Array.from({ length: count }, () => [])
  const partners = Array.from({ length: count }, () => [])
  for (const [i, part] of parts.entries()) {
    if (typeof part === 'number') places[part].push(i)
    else if (typeof part !== 'string') for (const [k, id] of part.entries()) partners[id].push(part[1 - k])
  }
  const taken = new Set(code.match(/\b[\w$]{2}\b/g))
  const free = [...LETTERS, ...PAIRS.filter(name => !taken.has(name))]
  const names = Array.from({ length: count }, (_, id) => variables[id]?.name ?? free[id - variables.length])
  const isFree = (id, name) => ![...rivals[id]].some(rival => names[rival] === name)

  function choose (id, tally) {
    const here = places[id].map(place => around(parts, names, place))
    tally.put(here, names[id], -1)
    const isProperty = id >= variables.length
    let best = [-Infinity, names[id]]
    for (const [rank, name] of LETTERS.entries()) {
      if (!isFree(id, name)) continue
      const shared = partners[id].filter(partner => names[partner] === name).length
      const possible = isProperty ? 0.6 * partners[id].filter(partner => isFree(partner, name)).length : 0
      const worth = tally.likeness(here, name) + SHARED * Math.max(shared, possible) - rank * 0.01 * here.length
      if (worth > best[0]) best = [worth, name]
    }
    names[id] = best[1]
    tally.put(here, names[id], 1)
  }

  const order = names.map((_, id) => id).sort((one, other) => places[other].length - places[one].length)
  for (let pass = 0; pass < PASSES; pass++) {
    const tally = createTally(join(parts, names))
    const first = order.filter(id => pass === 0 && id >= variables.length)
    for (const id of first) {
      choose(id, tally)
      for (const partner of partners[id]) if (isFree(partner, names[id])) names[partner] = names[id]
    }
    for (const id of order) if (!first.includes(id)) choose(id, tally)
  }
  return refine(parts, names, rivals)
}

/** Exchanges two letters where one stands, and with all that stand in the way, as long as it helps. */
function refine (parts, names, rivals) {
  const sizeOf = module => gzipSync(module, { level: 9 }).length
  let best = join(parts, names)
  let least = sizeOf(best)
  let seed = 1
  const random = below => (seed = seed * 48271 % 0x7fffffff) % below // the same each time
  for (let i = 0; i < TRIES; i++) {
    const id = random(names.length)
    const [one, other] = [names[id], LETTERS[random(30)]]
    if (one === other || one.length > 1) continue
    const next = [...names]
    const changed = new Set([id])
    for (const each of changed) {
      next[each] = names[each] === one ? other : one
      for (const rival of rivals[each]) if (names[rival] === next[each]) changed.add(rival)
    }
    const made = join(parts, next)
    const bytes = sizeOf(made)
    if (bytes > least) continue
    ;[best, names, least] = [made, next, bytes]
  }
  return best
}
