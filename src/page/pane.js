// One user's chat pane: who, how connected, what is asked of him, the messages, the composer.
import { html, useEffect, useRef, useState } from '/assets/htm.js'
import { useTerminal, useVisible } from './hooks.js'
import { Banners } from './banners.js'
import { Composer } from './composer.js'
import { Messages } from './messages.js'
import { transports } from './network.js'

const WORDS = { connecting: 'Connecting', live: 'Live', waiting: 'Waiting to retry', cut: 'Cut', closed: 'Closed' }

/** The state in words; a line in the messages says in full what was caught up. */
function wordsFor ({ connection, report }) {
  const caught = connection === 'live' && report?.events > 0
  return WORDS[connection] + (caught ? `, caught up ${report.events}` : '')
}

/** A pane. It sends READ when its messages can really be seen: on the screen, at the bottom, and "reading" is on. */
export function Pane ({ seat }) {
  const { user, peer } = seat
  const terminal = useTerminal(seat.terminal)
  const { state, book } = terminal
  const ref = useRef()
  const visible = useVisible(ref)
  const [reading, setReading] = useState(true)
  const [atBottom, setAtBottom] = useState(true)
  const live = state.connection === 'live'
  const hears = !['cut', 'closed'].includes(state.connection)
  useEffect(() => {
    if (visible && reading && atBottom && live) terminal.read()
  }, [visible, reading, atBottom, live, book.head])
  return html`
    <section class="pane" ref=${ref} data-testid=${`pane-${user.userId}`} data-connection=${state.connection}
      aria-label=${`${user.displayName}'s chat`}>
      <header class="who">
        <span class="avatar" aria-hidden="true">${user.displayName.slice(0, 1)}</span>
        <div class="name">
          <h2>${user.displayName}<${Unread} book=${book} /></h2>
          <p class="state" role="status" data-testid="connection" data-state=${state.connection}>
            <span class="dot" data-state=${state.connection}></span>
            <span class="words">${wordsFor(state)}</span>
            <${Transport} terminal=${terminal} name=${user.displayName} />
          </p>
        </div>
        <${Plug} terminal=${terminal} name=${user.displayName} />
      </header>
      <${Banners} terminal=${terminal} peer=${peer} />
      <${Messages} terminal=${terminal} user=${user} peer=${peer} visible=${visible} atBottom=${atBottom} onBottom=${setAtBottom} />
      <div class="below">
        <p class="typing" role="status" data-testid="typing">${state.typing && hears
          ? html`${peer.displayName} is typing<i></i><i></i><i></i>`
          : state.peer && html`<${Presence} name=${peer.displayName} presence=${state.peer} hears=${hears} />`}</p>
        <label class="switch">
          <input type="checkbox" role="switch" data-testid="reading" checked=${reading}
            onChange=${({ target }) => setReading(target.checked)} />
          <span>Reading</span>
        </label>
      </div>
      <${Composer} terminal=${terminal} user=${user} peer=${peer} />
    </section>`
}

/** By which way the events come down; another one goes on from the same cursor. */
function Transport ({ terminal, name }) {
  const onChange = ({ target }) => terminal.changeTransport(target.value)
  return html`
    <select class="transport" data-testid="transport" aria-label=${`${name}'s transport`}
      value=${terminal.iris.state.transport || 'sse'} disabled=${terminal.state.connection === 'closed'} onChange=${onChange}>
      ${Object.entries(transports).map(([key, label]) => html`<option key=${key} value=${key}>${label}</option>`)}
    </select>`
}

/** Who hears nothing knows only how it was. */
function Presence ({ name, presence: { online }, hears }) {
  const words = `${name} ${hears ? 'is' : 'was'} ${online ? 'online' : 'offline'}`
  return html`
    <span data-testid="presence" data-online=${hears ? String(online) : 'unknown'}>
      <span class="dot" data-state=${online && hears ? 'live' : 'off'}></span> ${words}
    </span>`
}

function Plug ({ terminal, name }) {
  const { connection } = terminal.state
  const off = connection === 'cut' || connection === 'closed'
  return off
    ? html`
      <button type="button" class="plug on" data-testid="reconnect" aria-label=${`Reconnect ${name}`}
        onClick=${() => terminal.reconnect()}>Reconnect</button>`
    : html`
      <button type="button" class="plug" data-testid="cut" aria-label=${`Cut ${name}'s connection`}
        onClick=${terminal.cut}>Cut</button>`
}

/** The number of messages that wait to be read; nothing when there are none. */
export function Unread ({ book }) {
  const { count, more } = book.unread()
  if (count === 0) return null
  const label = `${count}${more ? ' or more' : ''} unread`
  return html`<span class="unread" data-testid="unread" aria-label=${label}>${count}${more && '+'}</span>`
}
