// The messages of a pane: bubbles, ticks, tombstones, and where a reconnect caught up.
import { html, useLayoutEffect, useRef } from '/assets/htm.js'
import { CaughtUp } from './caught-up.js'
import { Bubble, Waiting } from './bubble.js'

const NEAR_PX = 32
const isNearEnd = list => list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX

/** The list: it stays at its end while it is there, and keeps its place when older messages come in above. */
export function Messages ({ terminal, user, peer, visible, atBottom, onBottom }) {
  const { book, outbox, history, state: { report } } = terminal
  const ref = useRef()
  const place = useRef({ atEnd: true, height: 0, first: 0, report: null })
  const stored = book.list()
  const waiting = outbox.items()
  const first = stored[0]?.seq ?? 0

  useLayoutEffect(() => {
    const list = ref.current
    const { atEnd, height, first: before } = place.current
    if (atEnd) list.scrollTop = list.scrollHeight
    else if (first < before) list.scrollTop += list.scrollHeight - height
    if (atEnd && report && report !== place.current.report) showReport(list)
    Object.assign(place.current, { height: list.scrollHeight, first, report })
  })

  /** The line that says what was caught up is seen first, however much came. */
  function showReport (list) {
    list.scrollTop = Math.min(list.scrollTop, list.querySelector('.caught-up').offsetTop - list.offsetTop)
    place.current.atEnd = isNearEnd(list)
  }

  function onScroll ({ target }) {
    if (!visible) return
    place.current.atEnd = isNearEnd(target)
    onBottom(place.current.atEnd)
    if (target.scrollTop < NEAR_PX) history.older()
  }

  const toEnd = () => { ref.current.scrollTop = ref.current.scrollHeight }
  const split = report ? stored.findLastIndex(({ seq }) => seq <= report.after) + 1 : stored.length
  const bubble = (message, index) => html`
    <${Bubble} key=${message.clientMsgId ?? message.seq} message=${message} user=${user} peer=${peer} terminal=${terminal}
      follows=${stored[index - 1]?.from === message.from} />`

  return html`
    <ol class="messages" ref=${ref} role="log" aria-label=${`Messages with ${peer.displayName}`} tabindex="0"
      data-testid="messages" onScroll=${onScroll}>
      ${book.hasMore() && html`
        <li key="older" class="older">
          <button type="button" data-testid="older" disabled=${history.loading} onClick=${history.older}>Earlier messages</button>
        </li>`}
      ${stored.length + waiting.length === 0 && history.loaded && html`<${Empty} key="empty" name=${peer.displayName} />`}
      ${stored.slice(0, split).map(bubble)}
      ${report && html`<${CaughtUp} key="report" report=${report} />`}
      ${stored.slice(split).map((message, index) => bubble(message, index + split))}
      ${waiting.map(item => html`<${Waiting} key=${item.clientMsgId} item=${item} outbox=${outbox} />`)}
    </ol>
    ${!atBottom && html`<button type="button" class="latest" data-testid="latest" onClick=${toEnd}>Latest ↓</button>`}`
}

function Empty ({ name }) {
  return html`
    <li class="empty">
      <strong>No messages yet. Say hello to ${name}.</strong>
      Then cut ${name}’s connection, send five, and reconnect ${name}: the page counts what came back.
    </li>`
}
