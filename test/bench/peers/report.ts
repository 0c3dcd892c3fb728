// The tables of the comparison: medians of the rounds, side by side, and how Iris stands to each peer.
import type { Measure } from '../cases/peers.js'
import type { SystemName } from '../load/wires.js'
import { digits, markdown, summary } from '../report.js'

/** What one round came to; what it does not measure is not there. `others`: the part of the machine's CPU that none of ours took. */
export interface Figures {
  lost: number
  rate?: number
  p50?: number
  p99?: number
  max?: number
  serverUs?: number
  redisUs?: number
  loadUs?: number
  others?: number
  kib?: number
}

type Results = Map<Measure, Map<SystemName, Figures[]>>
export type Figure = Exclude<keyof Figures, 'lost'>

const names: SystemName[] = ['Iris', 'nchan', 'Socket.IO']
const HEADS = ['what', ...names, 'Iris / nchan', 'Iris / Socket.IO']

/** In words, with the unit that a measure counts by. */
const labels: [Figure, (unit: string) => string][] = [
  ['rate', unit => `${unit === 'delivery' ? 'deliveries' : `${unit}s`}/s`],
  ['p50', () => 'p50, ms'],
  ['p99', () => 'p99, ms'],
  ['max', () => 'the latest, ms'],
  ['serverUs', unit => `server CPU, us/${unit}`],
  ['redisUs', unit => `Redis CPU, us/${unit}`],
  ['kib', unit => `resident memory, KiB/${unit}`],
  ['loadUs', unit => `(CPU of the load generator, us/${unit})`],
  ['others', () => '(CPU that others took, % of the machine)']
]

/** @returns the middle of the rounds, undefined where it was not measured. */
function medianOf (rounds: Figures[] | undefined, figure: Figure): number | undefined {
  const values = rounds?.flatMap(round => round[figure] ?? []) ?? []
  return values.length === 0 ? undefined : summary(values.map(value => ({ value })), 'value').median
}

function row (measure: string, of: Map<SystemName, Figures[]>, [figure, label]: [Figure, string]): string[] {
  const value = (name: SystemName) => medianOf(of.get(name), figure)
  const cell = (name: SystemName) => {
    const median = value(name)
    return median === undefined ? '-' : digits(figure === 'others' ? 100 * median : median)
  }
  const ratio = (peer: SystemName) => {
    const [own, other] = [value('Iris'), value(peer)]
    return own === undefined || !other || figure === 'others' || figure === 'loadUs' ? '' : (own / other).toFixed(2)
  }
  return [`${measure}${label}`, ...names.map(cell), ratio('nchan'), ratio('Socket.IO')]
}

function rowsOf (measure: Measure, of: Map<SystemName, Figures[]>): string[][] {
  const has = (figure: Figure) => medianOf(of.get('Iris'), figure) !== undefined
  const lost = (name: SystemName) => of.get(name)?.reduce((sum, round) => sum + round.lost, 0) ?? '-'
  return [
    [measure.title, '', '', '', '', ''],
    ...labels.filter(([figure]) => has(figure)).map(([figure, label]) => row('- ', of, [figure, label(measure.unit)])),
    ['- lost, refused or cut off', ...names.map(name => String(lost(name))), '', '']
  ]
}

/** @returns two tables as Markdown: the rows that a reader wants first, then all figures. Of rates more is better, of all else less. */
export function peersTable (results: Results): string {
  const all = [...results]
  const short = all.flatMap(([measure, of]) => measure.inShort ? [row(`${measure.title}: `, of, labelOf(measure.inShort, measure))] : [])
  const whole = all.flatMap(([measure, of]) => rowsOf(measure, of))
  return [short, whole].filter(rows => rows.length > 0).map(rows => markdown(HEADS, rows) + '\n').join('\n')
}

function labelOf (figure: Figure, { unit }: Measure): [Figure, string] {
  return [figure, labels.find(([name]) => name === figure)?.[1](unit) ?? figure]
}
