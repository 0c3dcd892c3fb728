// What a report of delivery says: asked of two nodes, which must say the same. [DELIVERY-1]
import type { Test } from 'tap'
import type { Iris } from './iris.js'
import { until, type User } from './user.js'

export type Row = Record<string, unknown>
/** What `GET users/{id}/delivery` answers. */
export interface Report {
  end?: string
  unread: number
  pending: Row
  terminals: Row[]
  message?: Row & { terminals: Row[] }
  online: boolean
}

/** Makes `report(user, query?)`, as both nodes say it; and `reaches(user, query, is)`, which waits for what becomes true of one. */
export function reportsOf (t: Test, nodes: readonly [Iris, Iris]) {
  /** Both are asked, and must agree, but for the ms by which their clocks differ. */
  async function report ({ userId }: Pick<User, 'userId'>, query = ''): Promise<Report> {
    const [here = '', there] = await Promise.all(nodes.map(async ({ server }) => {
      const { status, body } = await server('GET', `users/${userId}/delivery${query}`)
      if (status !== 200) throw new Error(JSON.stringify(body))
      return JSON.stringify({ ...body, traceId: undefined })
    }))
    const withoutTimes = (text = '') => text.replaceAll(/"at":\d+/g, '')
    t.equal(withoutTimes(here), withoutTimes(there), 'both nodes say the same')
    return JSON.parse(here) as Report
  }

  const reaches = (user: User, query: string, is: (report: Report) => boolean) => until(async () => {
    const found = await report(user, query)
    return is(found) ? found : undefined
  })
  return { report, reaches }
}
