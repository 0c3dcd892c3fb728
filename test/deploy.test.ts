// The files of deploy/: what they name is there, what they time is enough, and what they run is run.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { variables } from '../src/config-table.js'
import { loadConfig } from '../src/config.js'
import { CLOSE_MS } from '../src/end.js'
import { checkRedis } from '../src/store/redis/check-redis.js'
import { SERVER_KEY, startIris } from './helper/iris.js'
import { deployed } from './helper/nginx.js'
import { freePort } from './helper/process.js'
import { startRedis } from './helper/redis.js'

const iris = await startIris(t)
const metrics = await (await fetch(`${iris.url}/metrics`, { headers: { authorization: `Bearer ${SERVER_KEY}` } })).text()

t.test('every variable that they set is one of Iris, and its value is taken', async t => {
  for (const name of ['Dockerfile', 'compose.yaml', 'kubernetes.yaml', 'iris.service']) {
    const named = [...deployed(name).matchAll(/\bIRIS_[A-Z_]+/g)].map(([variable]) => variable)
    t.ok(named.length > 0, name)
    t.same(named.filter(variable => !variables.has(variable)), [], name)
  }
})

interface Probe { httpGet: { path: string, port: string } }

interface Container {
  image: string
  ports: { name: string, containerPort: number }[]
  env: { name: string, value?: string }[]
  lifecycle: { preStop: { exec: { command: string[] } } }
  startupProbe: Probe
  livenessProbe: Probe
  readinessProbe: Probe
}

interface Resource {
  kind: string
  metadata: { name: string, labels?: Record<string, string> }
  spec: {
    selector: { matchLabels?: Record<string, string> } & Record<string, unknown>
    template: { metadata: { labels: Record<string, string> }, spec: { terminationGracePeriodSeconds: number, containers: Container[] } }
    ports: { name: string, targetPort: string }[]
    rules: { http: { paths: { path: string, backend: { service: { name: string, port: { name: string } } } }[] } }[]
  }
}

t.test('Kubernetes: probes are answered, the end has its time, and what belongs together is called the same', async t => {
  const resources = parseAllDocuments(deployed('kubernetes.yaml')).map(document => document.toJS() as Resource)
  const of = (kind: string) => resources.find(resource => resource.kind === kind) as Resource
  const { template, selector } = of('Deployment').spec
  const [container] = template.spec.containers as [Container]
  t.same(of('PodDisruptionBudget').spec.selector.matchLabels, template.metadata.labels)
  t.same(selector.matchLabels, template.metadata.labels)
  t.same(of('Service').spec.selector, template.metadata.labels)
  t.equal(of('Service').spec.ports[0]?.targetPort, container.ports[0]?.name)
  t.equal(container.ports[0]?.containerPort, variables.get('IRIS_PORT')?.default)
  for (const { backend: { service } } of of('Ingress').spec.rules[0]?.http.paths ?? []) {
    t.same(service, { name: of('Service').metadata.name, port: { name: of('Service').spec.ports[0]?.name } })
  }
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
    const { path, port } = container[probe].httpGet
    t.equal(port, container.ports[0]?.name)
    t.equal((await fetch(iris.url + path)).status, 200, probe)
  }
  t.not(container.livenessProbe.httpGet.path, '/readyz', 'a restart mends no Redis')
  const env = Object.fromEntries(container.env.flatMap(({ name, value }) => value === undefined ? [] : [[name, value]]))
  const { drainSec } = loadConfig(env)
  const [program, seconds] = container.lifecycle.preStop.exec.command
  t.equal(program, 'sleep')
  t.ok(template.spec.terminationGracePeriodSeconds >= Number(seconds) + drainSec + CLOSE_MS / 1000)
})

interface Compose {
  services: {
    redis: { command: string[] }
    iris: { environment: Record<string, string>, stop_grace_period: string, build: { context: string, dockerfile: string } }
    nginx: { volumes: string[] }
  }
}

t.test('compose: its Redis is one that Iris has nothing to say of, and the files that it mounts are there', async t => {
  const { services: { redis, iris, nginx } } = parse(deployed('compose.yaml')) as Compose
  const { redis: started } = await startRedis(t, redis.command.slice(1))
  t.match(await checkRedis(started, 'disk'), { durability: 'disk', warnings: [] })
  // a variable that the shell does not have is what stands behind `:-`
  const preset = Object.entries(iris.environment).map(([name, value]): [string, string] => [name, value.replace(/.*:-(.*)}$/, '$1')])
  const { drainSec } = loadConfig({
    ...Object.fromEntries(preset), IRIS_TOKEN_SECRET: 's'.repeat(32), IRIS_SERVER_KEY: 'k'.repeat(16)
  })
  t.ok(parseInt(iris.stop_grace_period) >= drainSec + CLOSE_MS / 1000)
  const at = (path: string) => new URL(`../../deploy/${path}`, import.meta.url)
  for (const volume of nginx.volumes) t.ok(existsSync(at(volume.split(':')[0] as string)), volume)
  t.ok(existsSync(at(`${iris.build.context}/${iris.build.dockerfile}`)))
})

t.test('the image is not root, and its health check tells a gateway from none', async t => {
  const file = deployed('Dockerfile')
  t.match(file, /^USER node$/m)
  const [program, ...args] = JSON.parse(/^HEALTHCHECK [^[]*CMD (\[.*\])$/m.exec(file)?.[1] ?? '') as [string, ...string[]]
  t.equal(program, 'node')
  const check = (port: string) => spawnSync(process.execPath, args.map(arg => arg.replace('4747', port)), { timeout: 10_000 })
  t.match(args.join(' '), String(variables.get('IRIS_PORT')?.default))
  t.equal(check(String(await freePort())).status, 1)
})

t.test('a proxy gives up an idle connection before Iris does: none ends under the next request', async t => {
  const [, caddySec] = /keepalive (\d+)s/.exec(deployed('Caddyfile')) ?? []
  const nginxSec = 60 // its own preset of keepalive_timeout, for upstreams
  t.notMatch(deployed('nginx/site.conf'), 'keepalive_timeout')
  t.ok(iris.app.server.keepAliveTimeout > Math.max(Number(caddySec), nginxSec) * 1000)
})

const noSystemd = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status !== 0 && 'no systemd-analyze'

t.test('systemd takes the unit, which ends Iris before its Redis and gives it time', { skip: noSystemd }, async t => {
  const unit = deployed('iris.service')
  t.match(unit, /^KillMode=mixed$/m)
  const { drainSec } = loadConfig({})
  t.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1]) >= drainSec + CLOSE_MS / 1000)
  const directory = mkdtempSync(join(tmpdir(), 'iris-unit-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'iris.service')
  writeFileSync(file, unit.replace('/opt/iris/node_modules/.bin/iris-gateway', process.execPath))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.notMatch(stderr, /iris\.service/, 'nothing is said of it')
})

/** The labels of each metric, by docs/metrics.md, which another test compares with what is printed. */
const labels = new Map([...readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  .matchAll(/^\| `(iris_\w+)` \| \w+ \| ([^|]*)\|/gm)].map(([, name = '', names = '']) => [name, names.split(',').map(label => label.trim())]))
const printed = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
/** What Prometheus itself adds. */
const added = new Set(['job', 'instance', 'le'])

/** Compares an expression with what is printed. */
function compare (t: Test, expression: string): void {
  for (const [, metric = '', matchers = ''] of expression.matchAll(/\b(iris_\w+)(?:\{([^}]*)\})?/g)) {
    const name = metric.replace(/_(bucket|sum|count)$/, '')
    t.ok(printed.has(name) || printed.has(metric), `${metric} is printed`)
    for (const [label] of matchers.matchAll(/\b\w+(?=[=!]~?")/g)) {
      t.ok(added.has(label) || labels.get(name)?.includes(label), `${metric} has the label ${label}`)
    }
    for (const [, grouped = ''] of expression.matchAll(/\bby \(([^)]*)\)/g)) {
      for (const label of grouped.split(',').map(each => each.trim())) {
        t.ok(added.has(label) || labels.get(name)?.includes(label), `${metric} has the label ${label}`)
      }
    }
  }
}

t.test('every metric and label of the dashboard and the alerts is one that a running Iris prints', async t => {
  const { panels } = JSON.parse(deployed('grafana.json')) as { panels: { title: string, targets: { expr: string }[] }[] }
  const { groups } = parse(deployed('alerts.yaml')) as { groups: { rules: { alert: string, expr: string }[] }[] }
  const expressions = [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)), ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
  ]
  t.ok(expressions.length > 40)
  for (const expression of expressions) compare(t, expression)
})
