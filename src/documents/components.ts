// Components of the generated documents: schemas by name, shared by OpenAPI and AsyncAPI.
import type { TSchema } from '@sinclair/typebox'

export type Json = Record<string, unknown>

/** @returns a reference to a component. */
export const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** Puts a schema among the components; the variants of a union become components of their own, so that `mapping` can name them. */
export function named (name: string, schema: TSchema, schemas: Json): Json {
  const { oneOf, discriminator, ...rest } = schema as TSchema & { oneOf?: TSchema[], discriminator?: { propertyName: string } }
  if (!oneOf || !discriminator) schemas[name] = schema
  else {
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

/** JSON only; `maxBytes` is no keyword of JSON Schema and becomes an extension. */
export function plain (value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"maxBytes":', '"x-maxBytes":'))
}
