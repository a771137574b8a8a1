// Runs the suite against a cache and writes what came of each test, as JSON, to standard output.
//
//   node suite.mjs DIRECTORY URL [ID ...]     DIRECTORY holds the package http-cache-tests
//
// [{group, id, name, kind, result, why}], in the suite's order; kind is `required`, `optimal` or `check`; result is `pass`, `fail`,
// `setup` (what the test needs did not work) or `dependency` (a test that it builds on did not pass). For a `check`, pass means yes
// and fail means no. With IDs: those alone, one after the other, without regard to what they build on; and what the client and the
// server saw goes to standard error.

import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [directory, base, ...only] = process.argv.slice(2)
const load = async file => import(pathToFileURL(path.join(directory, file)))
const fetch = createRequire(pathToFileURL(path.join(directory, 'package.json')))('node-fetch')

const groups = (await load('tests/index.mjs')).default
const { runTests, getResults } = await load('client/runner.mjs')
const tests = new Map(groups.flatMap(group => group.tests.map(test => [test.id, test])))

if (only.length > 0) {
  console.log = console.error // the suite tells there what it sees
  for (const group of groups) {
    group.tests = group.tests.filter(test => only.includes(test.id))
    for (const test of group.tests) test.dump = process.env.DUMP === '1'
  }
}

// A few at a time: more would share one event loop here, and the tests that wait on the clock would measure that.
await runTests(groups.filter(group => group.tests.length > 0), fetch, false, base, only.length > 0 ? 1 : 25)
const results = getResults()

function judge (id) {
  const test = tests.get(id)
  const result = results[id]
  if (result === undefined) return ['untested', '']
  for (const needed of only.length > 0 ? [] : test.depends_on ?? []) {
    if (judge(needed)[0] !== 'pass') return ['dependency', `it builds on ${needed}, which did not pass`]
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
process.stdout.write(JSON.stringify(rows, null, 1) + '\n', () => process.exit(0))
