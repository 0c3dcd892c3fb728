// What stands above the messages: the cut connection, a refusal, notices and commands that wait to be completed.
import { html } from '/assets/htm.js'

/** So many of what waits to be completed are shown, the newest. */
const SHOWN = 2

/** The banners of a terminal. Notices and reliable commands stay, over every reconnect, until they are completed. */
export function Banners ({ terminal, peer }) {
  const { state, iris, complete } = terminal
  const waiting = [...state.notices.values(), ...iris.pending].sort((a, b) => a.ts - b.ts)
  return html`
    <div class="banners" aria-live="polite">
      ${state.connection === 'cut' && html`
        <p class="banner cut" data-testid="cut-banner">
          <span>The connection is cut. The stream will be resumed after <code>${iris.cursor || 'nothing yet'}</code></span>
        </p>`}
      ${state.connection === 'closed' && state.reason && html`
        <p class="banner cut" data-testid="closed-banner"><span>The connection is closed: ${state.reason}</span></p>`}
      ${state.problem && html`
        <p class=${`banner ${state.problem.traceId && 'problem'}`} role="alert" data-testid="problem">
          <span>${state.problem.text} ${state.problem.traceId && html`<code>${state.problem.traceId}</code>`}</span>
          <button type="button" onClick=${terminal.dismissProblem}>Dismiss</button>
        </p>`}
      ${waiting.length > SHOWN && html`<p class="banner" data-testid="more"><span>${waiting.length - SHOWN} more</span></p>`}
      ${waiting.slice(-SHOWN).map(item => html`
        <${Pending} key=${item.noticeId ?? item.cmdId} item=${item} peer=${peer} complete=${complete} />`)}
    </div>`
}

function Pending ({ item, peer, complete }) {
  const { noticeId, name, title, kind, content, needComplete } = item
  const what = noticeId ? 'notice' : 'command'
  const heading = noticeId ? title ?? TITLES[kind] : name === 'nudge' ? `${peer.displayName} nudged you` : name
  return html`
    <p class="banner" data-testid=${what}>
      <span><strong>${heading}</strong> ${content && textOf(content)}${again(item)}</span>
      ${needComplete && html`<button type="button" data-testid=${`${what}-done`} onClick=${() => complete(item)}>Done</button>`}
    </p>`
}

const TITLES = { notice: 'Notice', message: 'Message', kick: 'Signed out' }

const textOf = ({ text, reason, ...content }) => text ?? reason ?? JSON.stringify(content)

const again = ({ redelivery }) => redelivery > 0 && html` <small>delivered again: ${redelivery}</small>`
