// One message: its text, its time, how far it has come.
import { html } from '/assets/htm.js'
import { clock } from './clock.js'

const textOf = ({ type, content }) => type === 'text' ? content.text : `${type} ${JSON.stringify(content)}`

/** A stored message. Own ones show a tick when stored, two when read. */
export function Bubble ({ message, user, peer, terminal, follows }) {
  const { book, state } = terminal
  const own = message.from === user.userId
  const revoked = message.type === 'revoked'
  const read = own && book.peerReadSeq >= message.seq
  const revocable = own && !revoked && terminal.isRevocable(message)
  const caught = state.report && message.seq > state.report.after && message.seq <= state.report.until
  return html`
    <li class="message" data-testid="message" data-seq=${message.seq} data-own=${own} data-revoked=${revoked} data-follows=${follows}
      data-caught=${caught} data-state=${own ? (read ? 'read' : 'stored') : undefined}>
      <div class="bubble">
        <p class="text" data-testid="text">${revoked ? `${own ? 'You' : peer.displayName} took this message back` : textOf(message)}</p>
        <p class="meta">
          ${message.times > 1 && html`<span data-testid="once">sent ${message.times} times, stored once</span>`}
          <time datetime=${new Date(message.ts).toISOString()}>${clock(message.ts, 'minutes')}</time>
          ${own && !revoked && html`<${Tick} state=${read ? 'read' : 'stored'} />`}
        </p>
      </div>
      ${revocable && html`
        <button type="button" class="revoke" data-testid="revoke" aria-label=${`Take back: ${textOf(message)}`} title="Take back"
          onClick=${() => terminal.revoke(message.seq)}>↶</button>`}
    </li>`
}

/** A message that is not known to be stored yet. */
export function Waiting ({ item, outbox }) {
  const failed = item.state === 'failed'
  return html`
    <li class="message" data-testid="message" data-own="true" data-state=${item.state}>
      <div class="bubble">
        <p class="text" data-testid="text">${item.text}</p>
        <p class="meta">
          ${failed
            ? html`<span role="alert">${item.reason}</span>`
            : html`<span>${item.state === 'waiting' ? 'waits for the connection' : 'sending'}</span>`}
          ${failed && html`
            <button type="button" onClick=${() => outbox.retry(item)}>Retry</button>
            <button type="button" onClick=${() => outbox.discard(item)}>Discard</button>`}
          ${!failed && html`<${Tick} state=${item.state} />`}
        </p>
      </div>
    </li>`
}

const PATHS = {
  sending: 'M9 3.5v4.2l2.6 1.6M9 1.5a6 6 0 1 0 .01 0',
  waiting: 'M9 3.5v4.2l2.6 1.6M9 1.5a6 6 0 1 0 .01 0',
  stored: 'M4.5 7.8 7.6 11 13.5 4',
  read: 'M1.5 7.8 4.6 11l5.9-7M8 11l.6.5L15.5 4'
}

/** One tick says that it is stored, and nothing of who has read it. */
const TICKS = { stored: 'sent' }

function Tick ({ state }) {
  return html`
    <svg class="tick" data-state=${state} role="img" aria-label=${TICKS[state] ?? state}
      viewBox="0 0 18 15" width="18" height="15" fill="none"
      stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"><path d=${PATHS[state]} /></svg>`
}
