// The unread messages of a user with very many conversations: looked for while the greeting of his stream is on its way. [ATTACH-5]
import type { Mailbox, More } from '../store/user/unread.js'
import type { Job } from './jobs.js'

/** @returns the job that `make` makes of a mailbox once `look` has found it; what fails is asked again with the next step. */
export function deferredJob (look: () => Promise<Mailbox>, make: (mailbox: Mailbox) => Job): Job {
  const deferred: { more: More } = { more: false }
  let job: Job | undefined
  return {
    deferred,
    get todo () { return job?.todo ?? { references: [], source: 'mailbox' } },
    async step () {
      if (!job) {
        const mailbox = await look()
        deferred.more = mailbox.more
        job = make(mailbox)
      }
      return await job.step()
    }
  }
}
