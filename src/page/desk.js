// The desk: the seats side by side, or one at a time with tabs where there is no room for two.
import { html, useState } from '/assets/htm.js'
import { useTerminal } from './hooks.js'
import { Pane, Unread } from './pane.js'
import { Wire } from './wire.js'

/** All seats. A trace that is followed is marked on every wire. */
export function Desk ({ seats }) {
  const [current, setCurrent] = useState(0)
  const [trace, setTrace] = useState('')
  const follow = next => setTrace(next === trace ? '' : next)
  const onKeyDown = ({ key }) => {
    if (key !== 'ArrowLeft' && key !== 'ArrowRight') return
    const next = (current + 1) % seats.length
    setCurrent(next)
    document.getElementById(`tab-${seats[next].user.userId}`).focus()
  }
  return html`
    ${seats.length > 1 && html`
      <div class="tabs" role="tablist" aria-label="Users" onKeyDown=${onKeyDown}>
        ${seats.map((seat, index) => html`
          <${Tab} key=${index} seat=${seat} selected=${index === current} onSelect=${() => setCurrent(index)} />`)}
      </div>`}
    <div class="seats" data-count=${seats.length}>
      ${seats.map((seat, index) => html`
        <div key=${index} class="seat" id=${`seat-${seat.user.userId}`} data-tone=${seat.tone} data-current=${index === current}>
          <${Pane} seat=${seat} />
          <${Wire} seat=${seat} trace=${trace} onFollow=${follow} />
        </div>`)}
    </div>`
}

function Tab ({ seat, selected, onSelect }) {
  const { user, tone, terminal } = seat
  useTerminal(terminal)
  return html`
    <button type="button" role="tab" class="tab" id=${`tab-${user.userId}`} data-testid=${`tab-${user.userId}`} data-tone=${tone}
      aria-selected=${selected} aria-controls=${`seat-${user.userId}`} tabindex=${selected ? 0 : -1} onClick=${onSelect}>
      <span class="dot" data-state=${terminal.state.connection}></span>${user.displayName}<${Unread} book=${terminal.book} />
    </button>`
}
