// The OpenAPI document: what is in openapi/, what the server answers and what the definitions say are one thing.
import { readFileSync } from 'node:fs'
import type { TSchema } from '@sinclair/typebox'
import { Ajv } from 'ajv'
import t from 'tap'
import { parse } from 'yaml'
import { operations } from '../src/app.js'
import { createValidators } from '../src/commands/validate.js'
import { documentOf } from '../src/plugins/openapi.js'
import { errorCodes } from '../src/documents/describe-problems.js'
import { events, gatewayCommands } from '../src/protocol/events.js'
import { defaultLimits } from '../src/protocol/limits.js'
import { wireSchemas } from '../src/protocol/wire-commands.js'
import { launchBrowser, noBrowser } from './helper/browser.js'
import { startIris } from './helper/iris.js'

interface Operation {
  parameters: { name: string, in: string, schema: TSchema, example?: unknown }[]
  operationId: string
  summary: string
  tags: string[]
  responses: Record<string, { content?: Record<string, { examples?: Record<string, unknown>, example?: unknown }> }>
  requestBody?: { content: Record<string, { example: unknown }> }
}
interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  webhooks: Record<string, unknown>
  components: { schemas: Record<string, unknown> }
  tags: { name: string }[]
}

const file = (name: string) => readFileSync(new URL(`../../openapi/${name}`, import.meta.url), 'utf8')
const iris = await startIris(t)
const served = await (await fetch(`${iris.url}/openapi.json`)).json() as Document
const all = Object.entries(served.paths)
  .flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))

/** The routes that the router really has, from its drawing: `get /v1/time`. */
function routesOf (drawing: string): string[] {
  const stack: string[] = []
  return drawing.split('\n').flatMap(line => {
    const [, indent = '', part = '', methods] = /^([│ ]*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?/.exec(line) ?? []
    if (part === '') return []
    stack.splice(indent.length / 4, Infinity, part)
    return (methods?.split(', ') ?? []).map(method => `${method.toLowerCase()} ${stack.join('').replaceAll(/:(\w+)/g, '{$1}')}`)
  }).sort()
}

t.test('openapi/ does not drift: run npm run openapi', async t => {
  t.same(JSON.parse(file('iris.json')), served)
  t.same(parse(file('iris.yaml')), served)
  t.equal(served.openapi, '3.1.0')
})

t.test('every route under /v1 is documented, every documented operation is a route', async t => {
  const documented = all.map(({ path, method }) => `${method} ${path}`)
  t.same(documented.sort(), [
    ...operations.map(({ path, method }) => `${method.toLowerCase()} ${path}`), 'get /v1/down/events', 'get /v1/down/poll', 'get /v1/ws'
  ].sort())
  for (const { path, method } of all) {
    t.ok(iris.app.hasRoute({ url: path.replaceAll(/\{(\w+)\}/g, ':$1'), method: method.toUpperCase() }), path)
  }
  t.same(routesOf(iris.app.printRoutes({ commonPrefix: false })).filter(route => route.includes(' /v1/') && !route.startsWith('head ')),
    documented.sort())
  t.same(all.map(({ operation }) => operation.operationId).filter((id, i, ids) => ids.indexOf(id) !== i), [])
  t.ok(all.every(({ operation }) => served.tags.some(({ name }) => name === operation.tags[0])))
})

t.test('every operation shows an example of each answer, problems by code', async t => {
  for (const operation of operations) {
    const found = served.paths[operation.path]?.[operation.method.toLowerCase()] as Operation
    if (operation.body) t.same(found.requestBody?.content['application/json']?.example, operation.example.body)
    const codes = Object.values(found.responses)
      .flatMap(({ content }) => Object.keys(content?.['application/problem+json']?.examples ?? {}))
    t.same(codes.sort(), errorCodes(operation).sort(), operation.name)
    t.ok(found.responses['200']?.content?.['application/json']?.example)
  }
})

t.test('what stands in a path has an example that its schema allows', async t => {
  const { body } = createValidators(defaultLimits)
  for (const { path, operation } of all) {
    const found = operation.parameters.filter(parameter => parameter.in === 'path')
    t.same(found.map(({ name }) => name), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name), path)
    for (const { schema, example } of found) t.same(body(schema)(example), [], path)
  }
})

t.test('every event and every command down is a component, and its example keeps its schema', async t => {
  const { body } = createValidators(defaultLimits)
  for (const [name, schema] of Object.entries({ ...events, ...wireSchemas })) {
    t.ok(served.components.schemas[name])
    for (const example of schema['examples'] as unknown[]) t.same(body(schema)(example), [], name)
  }
  for (const name of Object.keys(gatewayCommands)) t.ok(served.components.schemas[name])
})

t.test('every schema is one: the gateway does not look', async t => {
  const ajv = new Ajv({ strict: false })
  const schemas = [
    ...operations.flatMap(({ body, query, params, result }) => [body, query, params, result]),
    ...Object.values(events),
    ...Object.values(wireSchemas),
    ...Object.values(gatewayCommands)
  ]
  for (const schema of schemas) if (schema) t.ok(ajv.validateSchema(schema), `${ajv.errorsText()} in ${JSON.stringify(schema)}`)
  t.notOk(ajv.validateSchema({ type: 'object', properties: { a: { type: 'txt' } } }), 'it would be seen')
})

t.test('configured limits are what is documented', async t => {
  const text = JSON.stringify(documentOf(operations, { ...defaultLimits, ids: 7, contentBytes: 77 }))
  t.match(text, /"maxItems":7[,}]/)
  t.match(text, /"x-maxBytes":77[,}]/)
  t.notMatch(text, /x-limit/)
})

t.test('/docs works offline', async t => {
  const page = await fetch(`${iris.url}/docs/`)
  t.equal(page.status, 200)
  const html = await page.text()
  t.notMatch(html, /(src|href)=["']?(https?:)?\/\//, 'nothing comes from another host')
  const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, part = '']) => new URL(part, page.url).href)
  t.ok(parts.length >= 3)
  for (const part of parts) {
    const response = await fetch(part)
    t.equal(response.status, 200, part)
    const text = await response.text()
    if (part.endsWith('.css')) t.notMatch(text, /@import|url\(["']?(https?:)?\/\//, part)
  }
  t.match(await (await fetch(`${iris.url}/docs/json`)).json(), { info: { title: 'Iris' } })
})

t.test('the documents say that they are JSON', async t => {
  for (const name of ['openapi.json', 'asyncapi.json', 'docs/json']) {
    t.match((await fetch(`${iris.url}/${name}`)).headers.get('content-type'), /^application\/json\b/, name)
  }
})

/** The document, with nothing but the operations below these paths and the schemas that they speak of. */
function shortened (prefixes: string[]): Document {
  const paths = Object.fromEntries(Object.entries(served.paths).filter(([path]) => prefixes.some(prefix => path.startsWith(prefix))))
  const schemas: Document['components']['schemas'] = {}
  for (let text = JSON.stringify(paths); text !== '';) {
    const named = [...text.matchAll(/#\/components\/schemas\/([\w.]+)/g)].flatMap(([, name = '']) => name in schemas ? [] : name)
    for (const name of named) schemas[name] = served.components.schemas[name]
    text = named.map(name => JSON.stringify(schemas[name])).join()
  }
  return { ...served, paths, webhooks: {}, components: { ...served.components, schemas } }
}

t.test('in the pages everything can be tried but what streams, which says how else', { skip: noBrowser }, async t => {
  const page = await (await launchBrowser()).newPage()
  page.setDefaultTimeout(80_000)
  await page.goto(`${iris.url}/docs/`)
  const blocks = all.length + Object.keys(served.webhooks).length
  await page.locator('.opblock').nth(blocks - 1).waitFor()
  t.equal(await page.locator('.opblock').count(), blocks, 'the whole document is there')
  // the pages resolve the document that they have anew for each block that is opened
  const short = shortened(['/v1/time', '/v1/down/', '/v1/ws', '/v1/server/users/{id}/terminals/'])
  await page.route('**/docs/json', async route => await route.fulfill({ json: short }))
  await page.reload()
  const block = (id: string) => page.locator(`#operations-Down-${id}, #operations-System-${id}`)
  for (const id of ['downEvents', 'webSocket', 'downPoll', 'getTime']) await block(id).locator('.opblock-summary-control').click()
  await block('getTime').getByRole('button', { name: 'Try it out' }).click()
  await block('getTime').getByRole('button', { name: 'Execute' }).click()
  await block('getTime').locator('.live-responses-table').getByText('"serverTime"').first().waitFor()
  t.equal(await block('downPoll').getByRole('button', { name: 'Try it out' }).count(), 1)
  t.equal(await block('downEvents').getByRole('button', { name: 'Try it out' }).count(), 0)
  t.equal(await block('webSocket').getByRole('button', { name: 'Try it out' }).count(), 0)
  await block('downEvents').getByText('curl -sN').waitFor()
  t.equal(await block('webSocket').getByRole('link', { name: 'asyncapi.json' }).getAttribute('href'), '/asyncapi.json')
  // what stands in its path is filled in, as the test above finds it everywhere
  const tried = page.locator('#operations-Server-removeTerminal')
  await tried.locator('.opblock-summary-control').click()
  await tried.getByRole('button', { name: 'Try it out' }).click()
  await tried.getByRole('button', { name: 'Execute' }).click()
  await tried.locator('.live-responses-table').getByText('UNAUTHENTICATED').first().waitFor()
  await page.getByRole('button', { name: 'Authorize' }).first().click()
  await page.locator('.dialog-ux').getByText('.iris/secrets.json').waitFor()
})
