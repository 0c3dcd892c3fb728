// The OpenAPI document.
import swagger from '@fastify/swagger'
import fp from 'fastify-plugin'
import type { Limits } from '../protocol/limits.js'

export const openapi = fp<{ limits: Limits }>(async app => {
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Iris', version: '0' } } })
}, { name: 'openapi' })
