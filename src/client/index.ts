// iris-gateway/client: a user connected from a browser or Node. docs/clients.md explains it.
export { connect } from './connect.js'
export { IrisError } from './base/error.js'
export type * from './base/types.js'
export type * from './base/wire.js'
