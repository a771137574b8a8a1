// Runs the suite against a cache and writes what came of each test, as JSON, to standard output.
//
//   node suite.mjs DIRECTORY URL     DIRECTORY holds the package http-cache-tests
//
// [{group, id, name, kind, result, why, depends_on}], in the suite's order; kind is `required`, `optimal` or
// `check`; result is `pass`, `fail`, `setup` (what the test needs did not work) or `dependency` (a test that
// it builds on did not pass). For a `check`, pass means yes and fail means no.

import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [directory, base] = process.argv.slice(2)
const load = async file => import(pathToFileURL(path.join(directory, file)))
const fetch = createRequire(pathToFileURL(path.join(directory, 'package.json')))('node-fetch')

const groups = (await load('tests/index.mjs')).default
const { runTests, getResults } = await load('client/runner.mjs')

// One group after the other: side by side they would share one event loop here, and the tests that wait on
// the clock would measure that.
await runTests(groups, fetch, false, base, 25)
const results = getResults()
const tests = new Map(groups.flatMap(group => group.tests.map(test => [test.id, test])))

function judge (id) {
  const test = tests.get(id)
  const result = results[id]
  if (result === undefined) return ['untested', '']
  for (const needed of test.depends_on ?? []) {
    const [met] = judge(needed)
    if (met !== 'pass') return ['dependency', `it builds on ${needed}, which did not pass`]
  }
  if (result === true) return ['pass', '']
  const [error, why] = result
  return [error === 'Assertion' ? 'fail' : 'setup', why]
}

const rows = []
for (const group of groups) {
  for (const test of group.tests) {
    if (test.browser_only) continue
    const [result, why] = judge(test.id)
    rows.push({ group: group.name, id: test.id, name: test.name, kind: test.kind ?? 'required', result, why })
  }
}
process.stdout.write(JSON.stringify(rows, null, 1) + '\n')
process.exit(0)
