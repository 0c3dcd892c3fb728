// What stands above the messages: the cut connection, a refusal, notices and commands that wait to be completed.
import { html } from '/assets/htm.js'

/** The banners of a terminal. Notices and reliable commands stay, over every reconnect, until they are completed. */
export function Banners ({ terminal, peer }) {
  const { state, memory, complete } = terminal
  return html`
    <div class="banners" aria-live="polite">
      ${state.connection === 'cut' && html`
        <p class="banner cut" data-testid="cut-banner">
          <span>The connection is cut. The stream will be resumed after <code>${memory.cursor || 'nothing yet'}</code></span>
        </p>`}
      ${state.connection === 'closed' && state.reason && html`
        <p class="banner cut" data-testid="closed-banner"><span>The connection is closed: ${state.reason}</span></p>`}
      ${state.problem && html`
        <p class=${`banner ${state.problem.traceId && 'problem'}`} role="alert" data-testid="problem">
          <span>${state.problem.text} ${state.problem.traceId && html`<code>${state.problem.traceId}</code>`}</span>
          <button type="button" onClick=${terminal.dismissProblem}>Dismiss</button>
        </p>`}
      ${[...state.notices.values()].map(notice => html`
        <p key=${notice.noticeId} class="banner" data-testid="notice">
          <span><strong>${notice.title ?? TITLES[notice.kind]}</strong> ${textOf(notice.content)}${again(notice)}</span>
          ${notice.needComplete && html`<button type="button" data-testid="notice-done" onClick=${() => complete('notice', notice.noticeId)}>Done</button>`}
        </p>`)}
      ${[...state.commands.values()].map(command => html`
        <p key=${command.cmdId} class="banner" data-testid="command">
          <span><strong>${command.name === 'nudge' ? `${peer.displayName} nudged you` : command.name}</strong>${again(command)}</span>
          <button type="button" data-testid="command-done" onClick=${() => complete('cmd', command.cmdId)}>Done</button>
        </p>`)}
    </div>`
}

const TITLES = { notice: 'Notice', message: 'Message', kick: 'Signed out' }

const textOf = ({ text, reason, ...content }) => text ?? reason ?? JSON.stringify(content)

const again = ({ redelivery }) => redelivery > 0 && html` <small>delivered again: ${redelivery}</small>`
