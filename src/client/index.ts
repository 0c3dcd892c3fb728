// iris-gateway/client: a user connected from a browser or Node. docs/clients.md explains it.
export { connect } from './connect.js'
export { IrisError } from './error.js'
export type * from './types.js'
export type * from './wire.js'
