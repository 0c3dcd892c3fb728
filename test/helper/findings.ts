// What a doctor of the command line finds.
import { type Finding, type Findings, lineOf } from '../../src/cli/finding.js'

/** @returns what it has found, in order. */
export async function findingsOf (checks: Findings): Promise<Finding[]> {
  const found: Finding[] = []
  for await (const finding of checks) found.push(finding)
  return found
}

/** @returns its lines, those of one verdict when it is named. */
export async function linesOf (checks: Findings, verdict?: Finding['verdict']): Promise<string> {
  return (await findingsOf(checks)).filter(finding => verdict === undefined || finding.verdict === verdict).map(lineOf).join('')
}
