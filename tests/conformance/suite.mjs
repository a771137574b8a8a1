// Runs the suite against a cache and writes what came of each test, as JSON, to standard output.
//
//   node suite.mjs DIRECTORY serve PORT       the suite's server alone, on 127.0.0.1; PORT 0 leaves the choice to the kernel
//   node suite.mjs DIRECTORY URL [ID ...]     DIRECTORY holds the package http-cache-tests
//
// [{group, id, name, kind, needs, result, why}], in the suite's order; kind is `required`, `optimal` or `check`; needs are the tests
// that this one builds on; result is `pass`, `fail` or `setup` (what the test needs did not work), each test by itself: report.py looks
// at the needs. For a `check`, pass means yes and fail means no. With IDs: those alone, one after the other; with DUMP=1 what the
// client saw goes to standard error.

import net from 'node:net'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [directory, base, ...only] = process.argv.slice(2)
const load = async file => import(pathToFileURL(path.join(directory, file)))

if (base === 'serve') {
  // It would listen on every interface.
  const listen = net.Server.prototype.listen
  net.Server.prototype.listen = function (port) { return listen.call(this, Number(port), '127.0.0.1') }
  Object.assign(process.env, { npm_config_protocol: 'http', npm_config_port: only[0], npm_config_pidfile: '/dev/null' })
  process.chdir(directory)
  await load('server/server.mjs')
} else {
  await run()
}

async function run () {
  const fetch = createRequire(pathToFileURL(path.join(directory, 'package.json')))('node-fetch')
  const groups = (await load('tests/index.mjs')).default
  const { runTests, getResults } = await load('client/runner.mjs')

  if (only.length > 0) {
    console.log = console.error // the suite tells there what it sees
    for (const group of groups) {
      group.tests = group.tests.filter(test => only.includes(test.id))
      for (const test of group.tests) test.dump = process.env.DUMP === '1'
    }
    if (groups.every(group => group.tests.length === 0)) {
      console.error(`the suite has no test ${only.join(', ')}`)
      process.exit(2)
    }
  }

  // A few at a time: more would share one event loop here, and the tests that wait on the clock would measure that.
  await runTests(groups.filter(group => group.tests.length > 0), fetch, false, base, only.length > 0 ? 1 : 25)
  const results = getResults()

  function judge (id) {
    const result = results[id]
    if (result === true) return { result: 'pass', why: '' }
    const [error, why] = result
    return { result: error === 'Assertion' ? 'fail' : 'setup', why }
  }

  const rows = []
  for (const group of groups) {
    for (const test of group.tests) {
      if (test.browser_only) continue
      const { id, name, kind = 'required', depends_on: needs = [] } = test
      rows.push({ group: group.name, id, name, kind, needs, ...judge(id) })
    }
  }
  process.stdout.write(JSON.stringify(rows, null, 1) + '\n', () => process.exit(0))
}
