// Where a message is written, and the experiments that put the two promises to the test.
import { html, useRef, useState } from '/assets/htm.js'

/** The composer: Enter sends, Shift+Enter breaks the line, an input method's Enter does neither. */
export function Composer ({ terminal, user, peer }) {
  const [text, setText] = useState('')
  const field = useRef()

  function send (event) {
    event.preventDefault()
    if (text.trim() === '') return
    terminal.outbox.send(text.trim())
    setText('')
    field.current.focus()
  }

  function onKeyDown (event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event)
  }

  function onInput ({ target }) {
    setText(target.value)
    terminal.typing()
  }

  return html`
    <form class="composer" onSubmit=${send}>
      <textarea ref=${field} rows="1" maxlength="4000" data-testid="input"
        aria-label=${`Message from ${user.displayName} to ${peer.displayName}`}
        placeholder=${`Message ${peer.displayName}`} value=${text} onInput=${onInput} onKeyDown=${onKeyDown}></textarea>
      <button type="submit" class="send" data-testid="send" aria-label="Send">
        <svg viewBox="0 0 20 20" width="20" height="20" fill="none" stroke="currentColor" stroke-width="2"
          stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M10 16V4M5 9l5-5 5 5" /></svg>
      </button>
    </form>
    <${Experiments} terminal=${terminal} peer=${peer} />`
}

function Experiments ({ terminal, peer }) {
  const { network, outbox } = terminal
  const armed = network.isLossy
  const loseAnswer = () => {
    network.isLossy = !armed
    terminal.changed()
  }
  const sendFive = () => ['one', 'two', 'three', 'four', 'five'].forEach(outbox.send)
  return html`
    <div class="experiments" role="group" aria-label="Experiments">
      <button type="button" data-testid="send-five" title="Sends five messages, one after the other" onClick=${sendFive}>Send five</button>
      <button type="button" data-testid="lose-answer" aria-pressed=${armed}
        title="The next message is stored, but its answer gets lost, and the connection with it: it is sent again"
        onClick=${loseAnswer}>Lose an answer</button>
      <button type="button" data-testid="spoil-cursor"
        title="Resumes with a cursor that cannot be served" onClick=${terminal.spoilCursor}>Spoil the cursor</button>
      <button type="button" data-testid="kick-others"
        title="Kicks every other window of this user" onClick=${terminal.kickOthers}>Kick my other window</button>
      <button type="button" data-testid="nudge"
        title="A reliable command: it stays until it is completed" disabled=${terminal.book.head === 0}
        onClick=${terminal.nudge}>Nudge ${peer.displayName}</button>
    </div>`
}
