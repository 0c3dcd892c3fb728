// What a loss of power leaves of an append-only file.
import t from 'tap'
import { wholeOf } from './store.js'

const written = (...words: string[]) => `*${words.length}\r\n${words.map(word => `$${word.length}\r\n${word}\r\n`).join('')}`

t.test('whole commands and whole transactions are left, wherever it is cut', async t => {
  const parts = [
    [written('SET', 'a', '1')],
    [written('MULTI'), written('SET', 'b', 'EXEC'), written('SET', 'c', '1'), written('EXEC')],
    [written('DEL', 'a')]
  ].map(part => part.join(''))
  const ends = parts.map((_, i) => parts.slice(0, i + 1).join('').length)
  const file = Buffer.from(parts.join(''))
  for (let cut = 0; cut <= file.length; cut++) {
    t.equal(wholeOf(file.subarray(0, cut)), Math.max(0, ...ends.filter(end => end <= cut)), `of ${cut}`)
  }
})
