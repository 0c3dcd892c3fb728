// The wire: every frame up and down, the newest first. A trace can be followed over all wires.
import { html, useMemo } from '/assets/htm.js'
import { clock } from './clock.js'
import { useTerminal } from './hooks.js'
import { transports } from './network.js'

/** The panel of a terminal's frames. `trace` is the trace that is followed, `onFollow` chooses another. */
export function Wire ({ seat, trace, onFollow }) {
  const { user } = seat
  const { frames, iris, state } = useTerminal(seat.terminal)
  return html`
    <aside class="wire" data-testid=${`wire-${user.userId}`} aria-label=${`${user.displayName}'s wire`}>
      <header>
        <h3>${user.displayName}'s wire</h3>
        <button type="button" class="clear" onClick=${frames.clear}>Clear</button>
        <dl>
          <dt>terminal</dt><dd>${iris.terminalId}</dd>
          <dt>state</dt><dd data-testid="life">${state.connection}${state.since > 0 && `, ${clock(state.since, 'seconds')}`}</dd>
          <dt>by</dt><dd>${transports[iris.state.transport || 'sse']}, live ${state.attaches}×</dd>
          <dt>cursor</dt><dd data-testid="cursor">${iris.cursor || 'none'}</dd>
        </dl>
      </header>
      <ol class="frames" data-testid="frames" tabindex="0" aria-label="Frames" data-follow=${trace !== ''}>
        ${frames.list.map(frame => html`
          <${Frame} key=${frame.number} frame=${frame} traced=${trace !== '' && frame.traceId === trace} onFollow=${onFollow} />`)}
      </ol>
    </aside>`
}

function Frame ({ frame, traced, onFollow }) {
  // The same nodes again are not compared again: two hundred frames cost nothing while somebody types.
  return useMemo(() => html`
    <li class="frame" data-testid="frame" data-direction=${frame.direction} data-failed=${frame.failed} data-traced=${traced}>
      <details>
        <summary>
          <span class="arrow" role="img" aria-label=${frame.direction}>${frame.direction === 'up' ? '↑' : '↓'}</span>
          <span class="title">${frame.title}</span>
          ${frame.name && html`<span class="command">${frame.name}</span>`}
          <span class="line">${frame.note ?? JSON.stringify(frame.name ? frame.body.data : frame.body) ?? ''}</span>
        </summary>
        <dl>
          <dt>at</dt><dd>${clock(frame.at, 'millis')}</dd>
          ${frame.id && html`<dt>id</dt><dd>${frame.id}</dd>`}
        </dl>
        <pre tabindex="0">${JSON.stringify(frame.body, null, 2) ?? frame.note}</pre>
      </details>
      <p class="tags">
        ${frame.id && html`<span class="id" title="The id: the cursor stands here">${short(frame.id)}</span>`}
        ${frame.traceId && html`
          <button type="button" class="trace" aria-pressed=${traced} title=${`Follow Trace-Id ${frame.traceId}`}
            onClick=${() => onFollow(frame.traceId)}>${frame.traceId}</button>`}
      </p>
    </li>`, [frame, traced, onFollow])
}

/** A cursor is long and only its end moves. */
const short = id => id.replace(/^\d+(?=\d{4}-)/, '…')
