// Components of the generated documents: schemas by name, shared by OpenAPI and AsyncAPI.
import type { TSchema } from '@sinclair/typebox'

export type Json = Record<string, unknown>

/** @returns a reference to a component. */
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** The unions among a document's components: what is a list of the same ones refers to them. */
const unions = new WeakMap<Json, Map<TSchema, string>>()

/** Puts a schema among the components; the variants of a union become components of their own, so that `mapping` can name them. */
export function named (name: string, schema: TSchema, schemas: Json): Json {
  const { oneOf, discriminator, ...rest } = schema as TSchema & { oneOf?: TSchema[], discriminator?: { propertyName: string } }
  if (!oneOf || !discriminator) schemas[name] = withNamedItems(name, schema, schemas)
  else {
    unions.set(schemas, (unions.get(schemas) ?? new Map<TSchema, string>()).set(schema, name))
    const { propertyName } = discriminator
    const variants = oneOf.map(variant => {
      const { const: value } = (variant['properties'] as Record<string, { const: string }>)[propertyName] ?? { const: '' }
      schemas[`${name}_${value}`] = variant
      return { value, $ref: `#/components/schemas/${name}_${value}` }
    })
    schemas[name] = {
      ...rest,
      discriminator: { propertyName, mapping: Object.fromEntries(variants.map(({ value, $ref }) => [value, $ref])) },
      oneOf: variants.map(({ $ref }) => ({ $ref }))
    }
  }
  return ref(name)
}

/** Lists of a union: its variants can only be named where they are components. */
function withNamedItems (name: string, schema: TSchema, schemas: Json): Json {
  const { properties } = schema as TSchema & { properties?: Record<string, TSchema & { items?: TSchema }> }
  if (!properties) return schema
  const entries = Object.entries(properties).map(([property, { items, ...list }]) => {
    if (!items?.['discriminator']) return [property, properties[property]]
    return [property, { ...list, items: refToUnion(`${name}_${property}`, items, schemas) }]
  })
  return { ...schema, properties: Object.fromEntries(entries) as Json }
}

function refToUnion (name: string, schema: TSchema, schemas: Json): Json {
  const known = unions.get(schemas)?.get(schema)
  return known === undefined ? named(name, schema, schemas) : ref(known)
}

/** JSON only; `maxBytes` is no keyword of JSON Schema and becomes an extension. */
export function plain (value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"maxBytes":', '"x-maxBytes":'))
}
