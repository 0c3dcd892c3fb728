// GET /metrics for Prometheus: what the meter has counted, the connections as they are now, and the process. Section 10.
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Hub } from '../hub/hub.js'
import type { Meter } from '../health/meter.js'
import { byes } from '../protocol/events.js'
import { Problem } from '../protocol/problem.js'
import { isNeighbour } from './neighbour.js'
import { webhookMetrics } from './metrics-webhooks.js'
import { createRequestCounts, histogram, PREFIX, readLater, type Sample } from './samples.js'

interface Floor {
  meter: Meter
  hub: Pick<Hub, 'census'>
  /** Who may read: anybody, who has a server key, or this machine itself and who has a server key. */
  mode: 'open' | 'key' | 'neighbour'
  /** Throws a Problem when there is no server key. */
  authenticate (request: FastifyRequest): unknown
}

/** Registers the metrics in a registry of their own, and the page that prints them. */
export const metrics = fp<Floor>(async (app, { meter, hub, mode, authenticate }) => {
  const register = new Registry()
  collectDefaultMetrics({ register, prefix: PREFIX })
  gauges(register, { hub, meter })
  counters(register, meter)
  histograms(register, meter)
  webhookMetrics(register, meter)
  const help = 'HTTP requests by what the client got; a stream counts when it ends. ' +
    '`499`: the client had gone before, or did not take its answer.'
  const requests = createRequestCounts()
  readLater(Counter, register, { name: 'http_requests_total', help, labelNames: ['method', 'route', 'status'], read: requests.read })
  app.onAnswered(({ method, route, status }) => requests.note(method, route, status))
  app.get('/metrics', { exposeHeadRoute: true, config: { quiet: true }, schema: { hide: true } }, async (request, reply) => {
    if (mode === 'key' || (mode === 'neighbour' && !isNeighbour(request))) authenticate(request)
    return await reply.type(register.contentType).header('cache-control', 'no-store').send(await register.metrics())
  })
}, { name: 'metrics' })

/** Registers `GET /metrics` as an address where nothing is. */
export const noMetrics = fp(async app => {
  app.get('/metrics', { schema: { hide: true } }, async () => { throw new Problem('NOT_FOUND') })
}, { name: 'metrics' })

function gauges (register: Registry, { hub: { census }, meter }: Pick<Floor, 'hub' | 'meter'>): void {
  const gauge = readLater.bind(undefined, Gauge, register)
  gauge({
    name: 'connections',
    help: 'Connections now; of those that poll, the terminals.',
    labelNames: ['transport'],
    read: () => {
      const { sse, poll, ws } = census()
      return [[{ transport: 'sse' }, sse], [{ transport: 'poll' }, poll], [{ transport: 'ws' }, ws]]
    }
  })
  gauge({
    name: 'connections_lagging',
    help: 'Live connections that have not been sent all that is known to be there for them.',
    read: () => [[{}, census().lagging]]
  })
  gauge({ name: 'polls_waiting', help: 'Long-polls that wait for their answer.', read: () => [[{}, census().polls]] })
  gauge({ name: 'attaches_under_way', help: 'Attaches that the store is asked about now.', read: () => [[{}, census().attaching]] })
  gauge({
    name: 'store_up',
    help: '1: the store can be worked with. 0: it is away, ' +
      'or refuses to write for another reason than that it is full; `/readyz` says which.',
    read: () => [[{}, Number(isUp(meter.store()))]]
  })
  gauge({
    name: 'store_full',
    help: '1: the store is full, by what of it is (memory, disk), and takes nothing new; what reads or frees goes on.',
    labelNames: ['of'],
    read: () => (['memory', 'disk'] as const).map((of): Sample => [{ of }, Number(meter.room().full === of)])
  })
  gauge({
    name: 'hearing_age_seconds',
    help: 'So long ago, at most, what other nodes have said was said when it comes in; beyond 2 s the node is deaf. [DOWN-2]',
    read: () => [[{}, meter.hearing.ageMs() / 1000]]
  })
  gauge({ name: 'attaches_waiting', help: 'Attaches that wait for their turn.', read: () => [[{}, census().waiting]] })
}

const isUp = ({ reason, refusal }: ReturnType<Meter['store']>) => reason === undefined && refusal === ''

function counters (register: Registry, meter: Meter): void {
  const counter = readLater.bind(undefined, Counter, register)
  counter({
    name: 'attaches_total',
    help: 'Attaches by their outcome: `fresh`, `resumed`, `reset_<reason>`; not served: ' +
      '`too_many_terminals`, `busy`, `rate_limited`, `left`, `ended`, `kicked`, `failed`.',
    labelNames: ['verdict'],
    read: () => [...meter.attaches].map(([verdict, n]): Sample => [{ verdict }, n])
  })
  counter({
    name: 'events_total',
    help: 'Events printed; `SKIPPED`: entries that had nothing to say to a terminal. `volatile`: stored nowhere.',
    labelNames: ['event', 'source'],
    read: () => eventSamples(meter)
  })
  counter({
    name: 'goodbyes_total',
    help: '`IRIS.BYE` by code.',
    labelNames: ['code'],
    read: () => [...meter.goodbyes].map(([bye, n]): Sample => [{ code: String(byes[bye].code) }, n])
  })
  counter({
    name: 'gap_repairs_total',
    help: 'Hints that were missed and made good by reading Redis: ' +
      'found by the number of the next `hint`, or by the `sweep` (which may also be faster than the hint).',
    labelNames: ['found_by'],
    read: () => [[{ found_by: 'hint' }, meter.gaps.hint], [{ found_by: 'sweep' }, meter.gaps.sweep]]
  })
  counter({ name: 'leases_renewed_total', help: 'Leases of terminals that this node renewed.', read: () => [[{}, meter.leases.renewed]] })
  counter({
    name: 'leases_ended_total',
    help: 'Leases, and graces of users, that this node found to be over: of terminals of any node.',
    read: () => [[{}, meter.leases.ended]]
  })
  counter({
    name: 'lives_total',
    help: 'Other lives of the store that this node has begun, or heard of from `elsewhere`, by ' +
      'why: Redis has `lost` something; its `record` of the life is gone, older or unreadable; ' +
      'it is another run, and `unwitnessed`, or a node that knew it stays `silent`. [STORE-1]',
    labelNames: ['why'],
    read: () => Object.entries(meter.lives).map(([why, n]): Sample => [{ why }, n])
  })
  counter({
    name: 'log_lines_dropped_total',
    help: 'Lines of the log that were dropped, since who reads it had not taken 256 KiB of them.',
    read: () => [[{}, meter.droppedLines()]]
  })
  counter({
    name: 'rate_limited_total',
    help: 'Requests of users that were refused for their rate, by operation; these have no log line above `debug`.',
    labelNames: ['operation'],
    read: () => [...meter.rateLimited].map(([operation, n]): Sample => [{ operation }, n])
  })
  counter({
    name: 'overloaded_total',
    help: 'Requests, frames and attaches that were refused at once since this node had too much to do, by what held the others up: ' +
      'its event `loop`, the `store`, or the requests before them on the same `connection`. They have no log line.',
    labelNames: ['cause'],
    read: () => Object.entries(meter.shed).map(([cause, n]): Sample => [{ cause }, n])
  })
  counter({
    name: 'reaps_total',
    help: 'Times that this node looked for ended leases; one of all nodes does so each second.',
    read: () => [[{}, meter.leases.reaps]]
  })
  counter({
    name: 'subscription_drops_total',
    help: 'Times that the subscription to Redis was dropped and dialled anew, since nothing came by it.',
    read: () => [[{}, meter.hearing.drops()]]
  })
  counter({ name: 'sweeps_total', help: 'Comparisons of all streams with the store.', read: () => [[{}, meter.sweeps]] })
  counter({
    name: 'unreadable_items_total',
    help: 'Stored items that could not be read and were skipped, each time; the log names each once.',
    read: () => [[{}, meter.unreadable]]
  })
  counter({
    name: 'store_full_refusals_total',
    help: 'Commands that Redis refused because it was full.',
    read: () => [[{}, meter.room().refused]]
  })
  counter({ name: 'terminals_evicted_total', help: 'Terminals removed to make room for another.', read: () => [[{}, meter.evictions]] })
}

function eventSamples ({ printed }: Meter): Sample[] {
  return Object.entries(printed).flatMap(([source, kinds]) => Object.entries(kinds).map(([event, n]): Sample => [{ event, source }, n]))
}

function histograms (register: Registry, meter: Meter): void {
  const acks = histogram(register, {
    name: 'ack_seconds',
    help: 'From a command\'s validation to its acknowledgement, by operation; refused ones are not counted.',
    label: 'operation'
  })
  meter.acknowledged = (operation, ms) => acks(ms, operation)
  meter.delivered = histogram(register, {
    name: 'delivery_seconds',
    help: 'From the first hint of a turn of the event loop to the writes that print its hints; once per turn.'
  })
  meter.redisAnswered = histogram(register, { name: 'redis_seconds', help: 'Round trips to Redis, sampled each second.' })
}
