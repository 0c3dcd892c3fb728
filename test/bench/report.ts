// What the bench prints: medians, their spread, and one Markdown table of ratios.

/** One line of the table. `ratio` is to the empty POST of the same run. */
export interface Row { what: string, value: string, spread?: string, ratio?: string, serverUs?: string, redisUs?: string }

/** @returns the middle value. */
function median (values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] ?? NaN : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2
}

/** @returns how far the values stray: half of their range, in percent of the median. */
function spread (values: number[]): string {
  if (values.length < 2) return ''
  return `±${Math.round((Math.max(...values) - Math.min(...values)) / 2 / median(values) * 100)} %`
}

/** @returns the medians of one figure of several samples, and its spread. */
export function summary<K extends string> (samples: Record<K, number>[], key: K) {
  const values = samples.map(sample => sample[key])
  return { median: median(values), spread: spread(values) }
}

/** A number for humans: about three digits, thousands apart. */
export function digits (value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(value >= 10 ? 1 : 2)
}

/** @returns the rows as a Markdown table. */
export function table (rows: Row[]): string {
  return markdown(['what', 'median', 'spread', 'ratio to 1', 'server CPU us', 'Redis CPU us'],
    rows.map(({ what, value, spread = '', ratio = '', serverUs = '', redisUs = '' }) => [what, value, spread, ratio, serverUs, redisUs]))
}

/** @returns a Markdown table: text on the left, numbers on the right. */
export function markdown (heads: string[], cells: string[][]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map(row => row[i]?.length ?? 0)))
  const line = (row: string[]) =>
    `| ${row.map((cell, i) => i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)).join(' | ')} |`
  return [
    line(heads),
    `|${widths.map((width, i) => i === 0 ? '-'.repeat(width + 2) : '-'.repeat(width + 1) + ':').join('|')}|`,
    ...cells.map(line)
  ].join('\n')
}
