// node scripts/lint.js typed|plain: one of two halves of the linter's rules, so that each of two cores has its share. Those that ask for
// types run in the process that checks the types: what the compiler has found out there, it does not find out again.
import { join } from 'node:path'
import { ESLint } from 'eslint'
import ts from 'typescript'
import tseslint from 'typescript-eslint'
import { root } from './bootstrap.js'

const SCOPE = '@typescript-eslint/'
const { rules } = tseslint.plugin
const needsTypes = rule => rule.startsWith(SCOPE) && rules[rule.slice(SCOPE.length)]?.meta.docs?.requiresTypeChecking === true

/** Checks the types, and prints what is wrong with them. @returns the program; undefined when something is wrong */
function checkTypes () {
  const { fileNames, options } = ts.getParsedCommandLineOfConfigFile(join(root, 'tsconfig.json'), { noEmit: true }, {
    ...ts.sys, onUnRecoverableConfigFileDiagnostic: ({ messageText }) => { throw new Error(messageText) }
  })
  // the linter walks the trees upwards, too
  const program = ts.createProgram(fileNames, options, ts.createCompilerHost(options, true))
  const wrong = ts.getPreEmitDiagnostics(program)
  process.stdout.write(ts.formatDiagnostics(wrong, {
    getCurrentDirectory: () => root, getCanonicalFileName: name => name, getNewLine: () => '\n'
  }))
  return wrong.length === 0 ? program : undefined
}

/** Runs those rules that `mayRun` says. @returns whether nothing broke one */
async function lint (files, mayRun, parserOptions) {
  const eslint = new ESLint({
    cwd: root,
    ruleFilter: ({ ruleId }) => mayRun(ruleId),
    overrideConfig: [{ files: ['**/*.ts'], languageOptions: { parserOptions } }]
  })
  const results = await eslint.lintFiles(files)
  process.stdout.write(await (await eslint.loadFormatter()).format(results))
  return results.every(({ errorCount }) => errorCount === 0)
}

async function lintTyped () {
  const program = checkTypes()
  return program !== undefined && await lint(['**/*.ts'], needsTypes, { programs: [program], project: null })
}

const lintPlain = async () => await lint(['.'], rule => !needsTypes(rule), { project: null })

process.exitCode = await (process.argv[2] === 'typed' ? lintTyped() : lintPlain()) ? 0 : 1
