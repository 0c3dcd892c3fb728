// What a resumed stream brought: how many events, whether any was lost, from which cursor to which.
import { html } from '/assets/htm.js'

/** The line in the messages where the stream was resumed. */
export function CaughtUp ({ report }) {
  return html`
    <li class="caught-up" data-testid="caught-up" data-events=${report.events} data-missing=${report.missing} data-reset=${report.reset}>
      <strong>${sentence(report)}</strong>
      <code title="From the cursor that was held to the position reached">${report.from} → ${report.to}</code>
    </li>`
}

function sentence ({ reset, events, missing }) {
  if (reset) return `The stream could not be resumed, and said so (${reset}): all was fetched again`
  if (events === 0 && !missing) return 'Resumed where it was: nothing to catch up on'
  const caught = `Caught up ${events} ${events === 1 ? 'event' : 'events'}`
  return missing ? `${caught}, ${missing} missing: fetched by GET_READ_MSG` : `${caught}, none lost`
}
