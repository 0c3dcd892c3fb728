// Compares what was sent with what the served document says of it.
import { Ajv } from 'ajv'

interface Document {
  webhooks: Record<string, { post: { requestBody: { content: { 'application/json': { schema: { $ref: string }, example: object } } } } }>
  components: { parameters: Record<string, { name: string, required: boolean, schema: { pattern?: string } }> }
}

/** The same schemas, by which nothing may be there that they do not name. */
const closed = (schemas: object) => JSON.parse(JSON.stringify(schemas, (_name, value: unknown) =>
  typeof value === 'object' && value !== null && 'properties' in value ? { additionalProperties: false, ...value } : value)) as object

/** @returns the webhooks of the document that is served at `url`: of each its example, and what is wrong with a body; and the headers. */
export async function describedAt (url: string) {
  const { webhooks, components } = await (await fetch(`${url}/openapi.json`)).json() as Document
  const ajv = new Ajv({ strict: false, formats: { 'date-time': text => new Date(text).toISOString() === text } })
  ajv.addSchema({ components: closed(components) }, 'iris')
  const kinds = Object.entries(webhooks).map(([kind, { post: { requestBody } }]) => {
    const { schema: { $ref }, example } = requestBody.content['application/json']
    const isDescribed = ajv.compile({ $ref: `iris${$ref}` })
    return { kind, example, faultsOf: (body: object) => isDescribed(body) ? '' : ajv.errorsText(isDescribed.errors) }
  })
  const isHook = ({ kind }: { kind: string }) => kind.endsWith('.beforeSend')
  return { told: kinds.filter(one => !isHook(one)), asked: kinds.filter(isHook), headers: Object.values(components.parameters) }
}
