// What the checks in a browser share. They are called with BASE OUT, and BROWSER names a Chromium.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {chromium} from 'playwright-core';
import {PNG} from 'pngjs';

export const [base, out] = process.argv.slice(2);
const QUIET = ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
let failures = 0;

export function check(name, held, more = '') {
  console.log(`${held ? 'ok' : 'FAILED'} ${name}${more === '' ? '' : `: ${more}`}`);
  if (!held) failures += 1;
}

/** Does some work with a function that opens the map page, and ends the process. */
export async function inBrowser(work) {
  const browser = await chromium.launch({executablePath: process.env.BROWSER, args: QUIET});
  try {
    await work((...how) => open(browser, ...how));
  } finally {
    await browser.close();
  }
  process.exit(failures ? 1 : 0);
}

/** A page with the map, at a place (`#zoom/latitude/longitude`) or where it opens by itself; `watch` runs in it first. */
async function open(browser, viewport, place = '', watch = null) {
  const page = await browser.newPage({viewport});
  if (watch) await page.addInitScript(watch);
  page.setDefaultTimeout(90_000); // a software renderer on a busy machine
  const hosts = new Set(), problems = [], tiles = [];
  page.on('request', (request) => { if (/^http/.test(request.url())) hosts.add(new URL(request.url()).host); });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
    const tile = response.url().match(/\/tiles\/(\d+\/\d+\/\d+)\.mvt$/);
    const {'x-tile-state': state, 'cache-control': cache} = response.headers();
    if (tile) tiles.push({name: tile[1], status: response.status(), state, cache});
  });
  await page.goto(`${base}/${place}`);
  await page.waitForFunction(() => globalThis.orthotile, null, {timeout: 60_000});
  return {page, hosts, problems, tiles};
}

/** Until the map stands still with all its tiles. */
export async function settle(page) {
  await page.waitForTimeout(900);
  await page.waitForFunction(() => {
    const map = globalThis.orthotile?.map;
    return map?.loaded() && map.areTilesLoaded() && !map.isMoving();
  }, null, {timeout: 120_000});
  await page.waitForTimeout(300);
}

export async function shot(page, name) {
  const bytes = await page.screenshot();
  if (name) writeFileSync(join(out, name), bytes);
  return PNG.sync.read(bytes);
}

/** The column and row of the tile of a zoom that holds a place in degrees. */
export function tileAt(z, lon, lat) {
  const south = 0.5 - Math.asinh(Math.tan(lat * Math.PI / 180)) / (2 * Math.PI);
  return {x: Math.floor((lon / 360 + 0.5) * 2 ** z), y: Math.floor(south * 2 ** z)};
}
