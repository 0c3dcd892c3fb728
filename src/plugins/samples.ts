// What the meter counts in plain numbers, as the registry prints it: nothing is kept in step, all is read when somebody asks.
import { Counter, Gauge, type Metric, type Registry } from 'prom-client'
import { createHistogram } from '../health/histogram.js'

export const PREFIX = 'iris_'
/** Seconds: from what a command takes on an idle machine to what makes it time out. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** One number of a metric, with its labels. */
export type Sample = [labels: Record<string, string>, value: number]

/** Registers a counter or a gauge whose numbers are read when they are printed. */
export function readLater (
  Kind: typeof Counter | typeof Gauge,
  register: Registry,
  { name, help, labelNames = [], read }: { name: string, help: string, labelNames?: string[], read (): Sample[] }
): void {
  const metric = new Kind({
    name: PREFIX + name,
    help,
    labelNames,
    registers: [],
    collect () {
      this.reset()
      for (const [labels, value] of read()) this.inc(labels, value)
    }
  })
  register.registerMetric(metric)
}

/** Registers a histogram of seconds, one for each value of its label. @returns `observe(ms, value)`. */
export function histogram (register: Registry, { name, help, label }: { name: string, help: string, label?: string }) {
  const ofAll = new Map<string, ReturnType<typeof createHistogram>>()

  function of (value: string): ReturnType<typeof createHistogram> {
    const known = ofAll.get(value) ?? createHistogram(BOUNDS)
    ofAll.set(value, known)
    return known
  }

  function values () {
    return [...ofAll].flatMap(([value, { read }]) => {
      const labels = label === undefined ? {} : { [label]: value }
      const { counts, sum } = read()
      let below = 0
      const buckets = counts.map((count, i) => {
        below += count
        return { metricName: `${PREFIX}${name}_bucket`, labels: { le: BOUNDS[i] ?? '+Inf', ...labels }, value: below }
      })
      return [...buckets, { metricName: `${PREFIX}${name}_sum`, labels, value: sum }, {
        metricName: `${PREFIX}${name}_count`,
        labels,
        value: below
      }]
    })
  }

  // what has no label is there from the start
  if (label === undefined) of('')
  // the package's own makes a text of the labels for each value, and looks for it
  const metric = {
    name: PREFIX + name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({ name: PREFIX + name, help, type: 'histogram', values: values() })
  }
  register.registerMetric(metric as unknown as Metric)
  return (ms: number, value = ''): void => of(value).observe(ms / 1000)
}

/** Counts answers. @returns `note(method, route, status)`, and the counts as samples. */
export function createRequestCounts () {
  const routes = new Map<string, Map<string, number>>()

  function read (): Sample[] {
    return [...routes].flatMap(([route, counts]) => [...counts].map(([answer, count]): Sample => {
      const [method = '', status = ''] = answer.split(' ')
      return [{ method, route, status }, count]
    }))
  }

  return {
    read,
    note (method: string, route: string, status: number): void {
      const counts = routes.get(route) ?? new Map<string, number>()
      if (counts.size === 0) routes.set(route, counts)
      const answer = `${method} ${status}`
      counts.set(answer, (counts.get(answer) ?? 0) + 1)
    }
  }
}
