// The metrics of what Iris says to an application by itself, and asks it. [WEBHOOK-6] [HOOK-6]
import { Counter, Gauge, type Registry } from 'prom-client'
import type { Meter } from '../health/meter.js'
import { histogram, readLater, type Sample } from './samples.js'

type Told = Pick<Meter, 'webhooks' | 'webhooksWaiting' | 'hooks' | 'hookAsked'>

/** Registers them. */
export function webhookMetrics (register: Registry, meter: Told): void {
  readLater(Gauge, register, {
    name: 'webhooks_waiting',
    help: 'Events that this node has read for webhooks, and that no webhook has taken yet.',
    read: () => [[{}, meter.webhooksWaiting()]]
  })
  readLater(Counter, register, {
    name: 'webhooks_total',
    help: 'Of webhooks: attempts that were `delivered`, that `failed`; events that are `dead` letters now, and that were ' +
      '`lost`: trimmed before they were read. [WEBHOOK-6]',
    labelNames: ['outcome'],
    read: () => Object.entries(meter.webhooks).map(([outcome, n]): Sample => [{ outcome }, n])
  })
  readLater(Counter, register, {
    name: 'hooks_total',
    help: 'Questions to hooks, by how they ended: `allowed`, `modified`, `denied`; `failed`: not decided, what is configured ' +
      'counted; `overloaded`: not asked, too many waited. [HOOK-6]',
    labelNames: ['hook', 'outcome'],
    read: () => Object.entries(meter.hooks).flatMap(([hook, counts]) =>
      Object.entries(counts).map(([outcome, n]): Sample => [{ hook, outcome }, n]))
  })
  meter.hookAsked = histogram(register, {
    name: 'hook_seconds', help: 'From a question to a hook to its answer, or to the end of its time, waiting included.', label: 'hook'
  })
}
