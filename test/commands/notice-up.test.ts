// NOTICE_UP: reserved by the source document. Section 5
import t from 'tap'
import { startIris } from '../helper/iris.js'
import { pointers } from '../helper/user.js'

const iris = await startIris(t)

t.test('[NOTICE_UP] a valid body is answered 501 NOTICE_UP_RESERVED', async t => {
  const user = await iris.user(t)
  for (const kind of ['notice', 'message']) {
    const { status, headers, body } = await user.post('/v1/up/notice', { noticeId: 'n-1', kind, content: { text: 'x' } })
    t.equal(headers.get('content-type')?.split(';')[0], 'application/problem+json')
    t.match({ status, ...body }, {
      status: 501,
      code: 'NOTICE_UP_RESERVED',
      type: 'urn:iris:problem:notice-up-reserved',
      instance: '/v1/up/notice',
      retryable: false,
      traceId: headers.get('trace-id')
    })
  }
})

t.test('[NOTICE_UP] another body is 400, a stranger 401', async t => {
  const user = await iris.user(t)
  const notice = { noticeId: 'n-1', kind: 'notice', content: {} }
  for (const [change, pointer] of [
    [{ noticeId: undefined }, '/noticeId'], [{ noticeId: 'a b' }, '/noticeId'], [{ kind: 'kick' }, '/kind'], [{ content: 'x' }, '/content'],
    [{ content: undefined }, '/content'], [{ content: { text: 'x'.repeat(16_384) } }, '/content'], [{ title: 'x' }, '/title']
  ] as const) {
    const answer = await user.post('/v1/up/notice', { ...notice, ...change })
    t.strictSame([answer.status, answer.body.code, pointers(answer)], [400, 'INVALID_BODY', [pointer]])
  }
  t.equal((await fetch(`${iris.url}/v1/up/notice`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(notice)
  })).status, 401)
})
