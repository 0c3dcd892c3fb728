// The time of day, in one format on the whole page: here, by 24 hours.

const MINUTES = { hour: '2-digit', minute: '2-digit' }
const formats = {
  minutes: new Intl.DateTimeFormat('en-GB', MINUTES),
  seconds: new Intl.DateTimeFormat('en-GB', { ...MINUTES, second: '2-digit' }),
  millis: new Intl.DateTimeFormat('en-GB', { ...MINUTES, second: '2-digit', fractionalSecondDigits: 3 })
}

/** @param to `minutes`, `seconds` or `millis` */
export const clock = (time, to) => formats[to].format(time)
