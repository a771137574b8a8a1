// Opens a page over https in Chromium, whose certificate the user's own store of authorities knows, and lets it poll:
//
//   node https_page.mjs MODULES {"url": URL, "polls": N}
//
// HOME has the store. Prints what it saw as JSON.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, given] = process.argv.slice(2);
const require = createRequire(join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const asked = JSON.parse(given);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  env: process.env,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await (await browser.newContext()).newPage();
const complaints = [];
page.on('console', message => { if (['error', 'warning'].includes(message.type())) complaints.push(message.text()); });
page.on('pageerror', error => complaints.push(String(error)));
// The event stream ends when the page closes it.
page.on('requestfailed', request => request.url().endsWith('/events') || complaints.push(request.url() + ': ' + request.failure().errorText));
const response = await page.goto(asked.url);
const security = await response.securityDetails();
const seen = await page.evaluate(async polls => {
  const source = new EventSource('/events');
  await new Promise((done, failed) => { source.onmessage = done; source.onerror = failed; });
  const answers = [];
  for (let round = 0; round < polls; ++round) {
    answers.push(...await Promise.all(Array.from({ length: 10 }, async (_, i) => {
      const answer = await fetch(`/list/${i}`);
      return { status: answer.status, cache: answer.headers.get('Cache-Status'), rows: (await answer.json()).length };
    })));
  }
  const event = new Promise(done => { source.onmessage = message => done(message.data); });
  await fetch('/tell', { method: 'POST' });
  const told = await event;
  source.close();
  const protocols = performance.getEntriesByType('resource').map(entry => entry.nextHopProtocol);
  return { secure: window.isSecureContext, answers, told, protocols: [...new Set(protocols)] };
}, asked.polls);
await browser.close();
console.log(JSON.stringify({ ...seen, complaints, security }));
