// The two validators: strict for bodies (nothing coerced, nothing dropped), coercing for what comes as text in a URL.
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { TSchema } from '@sinclair/typebox'
import type { FieldError } from '../protocol/problem.js'
import { type Limits, withLimits } from '../protocol/limits.js'

/** Deeper JSON overflows the stack of printers, here and in clients. */
const MAX_DEPTH = 32

export type Validate = (value: unknown) => FieldError[]

/**
 * Compiles schemas under the configured limits, each when it is first used: all at once take longer than the rest of the start.
 * @returns `body`, for JSON as sent, and `text`, for query and path parameters: numbers are read from text, defaults are filled in.
 *   Each compiled function returns the broken rules, none when the value is valid.
 */
export function createValidators (limits: Limits) {
  const compile = (ajv: Ajv) => (schema: TSchema): Validate => {
    let compiled: ValidateFunction | undefined
    return value => {
      const validate = compiled ??= compiledBy(ajv, withLimits(schema, limits))
      return validate(value) === true ? [] : brokenRules(validate)
    }
  }
  const compileText = (schema: TSchema): Validate => {
    const validate = compile(coercing)(schema)
    return value => {
      const sent = Object.entries(value as Record<string, unknown>)
      const broken = validate(value)
      return broken.length > 0 || sent.length === 0 ? broken : oddNumbers(sent, value as Record<string, unknown>)
    }
  }
  return { body: compile(strict), text: compileText }
}

/** Numbers in another spelling than ours (`0x10`, `1e1`, `07`) are more likely mistakes than meant. */
function oddNumbers (sent: [string, unknown][], read: Record<string, unknown>): FieldError[] {
  const odd = sent.filter(([name, text]) => typeof read[name] === 'number' && String(read[name]) !== text)
  return odd.map(([name]) => ({ pointer: pointerPart(name), detail: 'must be a number in decimal digits' }))
}

/** The schemas are ours, and a test looks at them: here the schema of schemas would be compiled first, a tenth of the start. */
const trusted = { meta: false, validateSchema: false } as const

function newAjv (options: ConstructorParameters<typeof Ajv>[0]): Ajv {
  const ajv = new Ajv({
    ...options, ...trusted, strict: true, strictTypes: false, strictRequired: false, allErrors: false, validateFormats: false
  })
  return ajv.addKeyword({
    keyword: 'maxBytes',
    type: ['object', 'array'],
    schemaType: 'number',
    compile: bounded,
    error: { message: ({ schema }) => `must not have more than ${schema as number} bytes as JSON, nested ${MAX_DEPTH} deep at most` }
  })
}

const bounded = (maxBytes: number) =>
  (value: unknown) => fitsDepth(value, MAX_DEPTH) && Buffer.byteLength(JSON.stringify(value)) <= maxBytes

// one each for the whole process
const strict = newAjv({ discriminator: true })
const coercing = newAjv({ coerceTypes: true, useDefaults: true })

/** What the two have compiled, by what it was compiled from: applications in one process differ in little more than a limit. */
const known = new Map([[strict, new Map<string, ValidateFunction>()], [coercing, new Map<string, ValidateFunction>()]])

function compiledBy (ajv: Ajv, schema: TSchema): ValidateFunction {
  const text = JSON.stringify(schema)
  const compiled = known.get(ajv)?.get(text) ?? ajv.compile(schema)
  known.get(ajv)?.set(text, compiled)
  return compiled
}

function fitsDepth (value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  for (const item of Object.values(value)) if (!fitsDepth(item, depth - 1)) return false
  return true
}

function brokenRules (validate: ValidateFunction): FieldError[] {
  return (validate.errors ?? []).map(error => ({ pointer: pointerTo(error), detail: sentence(error) }))
}

/** @returns a name as a part of a JSON pointer (RFC 6901). */
export const pointerPart = (name: unknown) => '/' + String(name).replaceAll('~', '~0').replaceAll('/', '~1')

function pointerTo ({ instancePath, params }: ErrorObject): string {
  const { additionalProperty, missingProperty, tag } = params as Record<string, unknown>
  const name = additionalProperty ?? missingProperty ?? tag
  return name === undefined ? instancePath : instancePath + pointerPart(name)
}

function sentence ({ keyword, message, params }: ErrorObject): string {
  const { allowedValues, error, tag, tagValue } = params as { allowedValues?: unknown[], error?: string, tag?: string, tagValue?: unknown }
  if (keyword === 'additionalProperties') return 'is not known here'
  if (keyword === 'required') return 'is required'
  if (keyword === 'enum') return `must be one of ${(allowedValues ?? []).join(', ')}`
  if (keyword === 'discriminator') {
    return error === 'mapping' ? `${JSON.stringify(tagValue)} is not a known ${tag}` : 'is required and must be text'
  }
  return message ?? 'is not valid'
}
