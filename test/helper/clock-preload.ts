// Shifts the clock of a process: loaded into it before anything else, by what `clock.ts` puts into its environment.
const Real = Date
let shift = Number(process.env['TEST_CLOCK_SHIFT_MS'] ?? 0)

globalThis.Date = class extends Real {
  constructor (...args: [] | [number]) {
    if (args.length === 0) super(Real.now() + shift)
    else super(...args)
  }

  static override now (): number { return Real.now() + shift }
} as DateConstructor

// any signal that the process itself does not end by
process.on('SIGWINCH', () => {
  shift += Number(process.env['TEST_CLOCK_JUMP_MS'] ?? 0)
  process.stdout.write(`the clock says ${new Date().toISOString()}\n`)
})
