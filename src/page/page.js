// The demo page's start: who the demo users are, a terminal for each, the desk on which they stand.
import { html, render } from '/assets/htm.js'
import { createTerminal } from './terminal.js'
import { Desk } from './desk.js'

async function fetchDemo () {
  const response = await fetch('/demo/users')
  if (!response.ok) throw new Error(`The demo users are not to be had: ${response.status}`)
  return await response.json()
}

/** Pairs each demo user with the next one; `/?user=alice` shows one of them, for two windows. */
function seats (users, only) {
  return users.map((user, tone) => {
    const peer = users[(tone + 1) % users.length]
    const login = async () => (await fetchDemo()).users.find(({ userId }) => userId === user.userId).token
    return { user, peer, tone, login }
  }).filter(({ user }) => !only || user.userId === only)
}

async function start (root) {
  const { users, revokeSec } = await fetchDemo()
  const wanted = seats(users, new URLSearchParams(window.location.search).get('user'))
  if (wanted.length === 0) throw new Error('There is no demo user of this name.')
  const taken = wanted.map(({ user, peer, tone, login }) => ({
    user, peer, tone, terminal: createTerminal({ userId: user.userId, peerId: peer.userId, login, revokeSec })
  }))
  render(html`<${Desk} seats=${taken} />`, root)
}

const root = document.getElementById('desk')
start(root).catch(({ message }) => render(html`<p class="sorry" role="alert">${message}</p>`, root))
