// Takes the place of `async-hook-domain`, by which tap finds the test that an uncaught error belongs to: it follows each promise from
// its birth to its end, which makes tests that wait much cost up to 40 % more. scripts/in-one.js tells the test that runs.
export class Domain {
  destroy () {}
}
