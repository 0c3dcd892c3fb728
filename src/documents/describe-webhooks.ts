// The webhooks and hooks of the OpenAPI document: what Iris posts to an application, and what its answers mean.
import type { TObject } from '@sinclair/typebox'
import { type Json, named } from './components.js'
import { firstSentence } from './describe-frames.js'
import { HookAnswer, hookQuestions } from '../protocol/hook-body.js'
import { deliveryHeaders, deliverySchema, toldEvents } from '../protocol/webhook-body.js'

const retryHeader = {
  'Retry-After': { description: 'How long it is left alone: seconds, or a date. [WEBHOOK-5]', schema: { type: 'string' } }
}

/** What a receiver's answer means. [WEBHOOK-5] */
const answers = {
  '2XX': { description: 'Taken. Nothing is read of the body.' },
  410: { description: 'Nothing is wanted any more: the webhook is disabled until it is put again.' },
  429: { description: 'Not taken, and too much: tried again, not before the time that it names.', headers: retryHeader },
  503: { description: 'Not taken, and down: tried again, not before the time that it names.', headers: retryHeader },
  default: {
    description: 'Not taken, a redirect among them: tried again with growing pauses for 24 h, then a dead letter. What comes after it of ' +
      'the same conversation, or user, waits.'
  }
}

const verdicts = {
  allow: { value: { action: 'allow' } },
  deny: { value: { action: 'deny', code: 'SPAM', message: 'No advertisements here' } },
  modify: { value: { action: 'modify', content: { text: '****' } } }
}

/** @returns the `webhooks` of the document, and what they share. The schemas of their bodies are put among the components. */
export function describeWebhooks (schemas: Json): { webhooks: Json, parameters: Json } {
  const webhooks: Json = {}
  for (const [type, event] of Object.entries(toldEvents)) webhooks[type] = { post: describeDelivery(type, event, schemas) }
  for (const [name, question] of Object.entries(hookQuestions)) webhooks[name] = { post: describeQuestion(name, question, schemas) }
  const parameters: Json = {}
  for (const [name, { isAlways, schema }] of Object.entries(deliveryHeaders)) {
    parameters[name] = { name, in: 'header', required: isAlways, description: schema.description, schema }
  }
  return { webhooks, parameters }
}

function describeDelivery (type: string, event: TObject, schemas: Json): Json {
  return { ...describePost(`webhook_${type}`, deliverySchema(event), schemas), responses: answers }
}

function describeQuestion (name: string, question: TObject, schemas: Json): Json {
  const schema = named('hook_answer', HookAnswer, schemas)
  return {
    ...describePost(`hook_${name}`, question, schemas),
    responses: {
      '2XX': { description: 'What it has decided. [HOOK-2]', content: { 'application/json': { schema, examples: verdicts } } },
      default: { description: 'It has not decided: what is configured counts. [HOOK-4]' }
    }
  }
}

function describePost (id: string, schema: TObject, schemas: Json): Json {
  const [example] = schema['examples'] as Json[]
  return {
    operationId: id.replace('.', '_'),
    tags: ['Webhooks'],
    summary: firstSentence(schema.description ?? ''),
    description: schema.description,
    security: [],
    parameters: Object.keys(deliveryHeaders).map(name => ({ $ref: `#/components/parameters/${name}` })),
    requestBody: { required: true, content: { 'application/json': { schema: named(id, schema, schemas), example } } }
  }
}
