// Opens the status page in Chromium and looks at it as an operator does. One scene an invocation:
//
//   node status_page.mjs MODULES SCENE {"admin": URL, "pictures": DIRECTORY, ...}
//
// Prints what it saw as JSON; throws where something is not as it must be whatever the scene.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, scene, given] = process.argv.slice(2);
const require = createRequire(join(modules, 'x.js'));
const { chromium } = require('playwright-core');
const axe = require.resolve('axe-core/axe.min.js');
const asked = JSON.parse(given);

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

async function open(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, bypassCSP: false, ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text()); });
  page.on('pageerror', error => page.complaints.push(String(error)));
  page.asked = new Set();
  page.on('request', request => { if (!request.url().startsWith('data:')) page.asked.add(new URL(request.url()).origin); });
  await page.goto(asked.admin + '/');
  return page;
}
const shown = page => page.locator('#content').waitFor({ state: 'visible' });
const figure = (page, at) => page.locator('#tiles .big').nth(at).textContent();

// A context that bypasses the page's CSP, or axe could not be brought in.
async function accessibility(options) {
  const page = await open({ ...options, bypassCSP: true });
  await shown(page);
  await page.addScriptTag({ path: axe });
  const look = () => page.evaluate(async () => (await window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  })).violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | ')));
  const found = await look();
  await page.locator('#entries button').first().click();
  found.push(...await look());
  await page.context().close();
  return found;
}

const scenes = {
  async figures() {
    const page = await open();
    await shown(page);
    const first = await figure(page, 0);
    await page.waitForFunction(before => document.querySelector('#tiles .big').textContent !== before, first);
    const routes = await page.locator('#routes h3').allTextContents();
    const entries = await page.locator('#entries li').count();
    const more = await page.locator('#more').textContent();
    await page.locator('#more').click();
    await page.waitForFunction(before => document.querySelectorAll('#entries li').length > before, entries);
    const paths = await page.locator('#entries .path').allTextContents();
    return {
      moved: [first, await figure(page, 0)], routes, paths, entries, more, complaints: page.complaints, origins: [...page.asked],
      hacked: await page.evaluate(() => window.hacked ?? null), state: await page.locator('#state').textContent(),
      reasons: await page.locator('#reasons').innerText(),
      headings: await page.locator('#content h2').allTextContents(),
      rates: await page.waitForFunction(() => / now\)/.test(document.querySelector('#tiles .quiet').textContent)).then(() => true),
      foreign: await page.locator('#content img, #content script, #content b:not([class]), #content iframe').count(),
    };
  },

  // No mouse: Tab to the button of the entry, Enter, and through the dialog.
  async keyboard() {
    const page = await open();
    await shown(page);
    const entry = page.locator('#entries li', { hasText: asked.path });
    await entry.waitFor();
    for (let i = 0; i < 200; ++i) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(path => document.activeElement?.textContent === 'Purge ' + path, asked.path)) break;
    }
    const reached = await page.evaluate(() => document.activeElement.textContent);
    // The figures go on moving, and the focus stays.
    const before = await entry.locator('.quiet').textContent();
    await page.waitForFunction(([path, text]) => [...document.querySelectorAll('#entries li')]
      .some(li => li.querySelector('.path').textContent === path && li.querySelector('.quiet').textContent !== text), [asked.path, before]);
    const kept = await page.evaluate(() => document.activeElement.textContent);
    await page.keyboard.press('Enter');
    await page.locator('#sure[open]').waitFor();
    const inside = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.press('Escape');  // thought better of it
    await page.locator('#sure').waitFor({ state: 'hidden' });
    const back = await page.evaluate(() => document.activeElement.textContent);
    await page.keyboard.press('Enter');
    await page.locator('#sure[open]').waitFor();
    await page.keyboard.press('Tab');  // from "Cancel" to "Purge"
    const on = await page.evaluate(() => document.activeElement.id);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.getElementById('said').textContent.startsWith('Purged'));
    return { reached, kept, inside, back, on, said: await page.locator('#said').textContent(), complaints: page.complaints };
  },

  async login() {
    const page = await open();
    await page.locator('#login').waitFor({ state: 'visible' });
    await page.keyboard.type('wrong-token-wrong-token');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.getElementById('login-said').textContent !== '');
    const refused = await page.locator('#login-said').textContent();
    await page.locator('#token').fill(asked.token);
    await page.keyboard.press('Enter');
    await shown(page);
    return { refused, state: await page.locator('#state').textContent() };
  },

  async gone() {
    const page = await open();
    await shown(page);
    process.stdout.write('open\n');
    await page.locator('#trouble').waitFor({ state: 'visible' });
    return { trouble: await page.locator('#trouble').textContent(), state: await page.locator('#state').textContent() };
  },

  async accessible() {
    return { light: await accessibility({ colorScheme: 'light' }), dark: await accessibility({ colorScheme: 'dark' }),
      phone: await accessibility({ viewport: { width: 360, height: 780 } }) };
  },

  async pictures() {
    const wide = {};
    for (const [name, options] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }],
      ['phone', { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, colorScheme: 'light' }],
      ['narrow', { viewport: { width: 320, height: 640 } }]]) {
      const page = await open(options);
      await shown(page);
      // Until there is something to be seen: a route with a line of some length.
      await page.waitForFunction(steps => [...document.querySelectorAll('#routes .plot .api')]
        .some(line => (line.getAttribute('d') || '').split(/[ML]/).length > steps), asked.steps, { timeout: 600000 });
      await page.screenshot({ path: join(asked.pictures, `status-${name}.png`), fullPage: true });
      if (name === 'light') await page.screenshot({ path: join(asked.pictures, 'status-first-screen.png') });
      wide[name] = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await page.context().close();
    }
    return { wide };
  },
};

try {
  console.log(JSON.stringify(await scenes[scene]()));
} finally {
  await browser.close();
}
